"""Alerts pop up on every page; sound and notifications are told to those who ask for them."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.desk import EVIL, Desk
from tests.browser.site import Site
from tests.support.wait import wait_until
from tonewatch.shared.messages import AlertState, Priority

NOTED = """
window.noted = [];
window.tones = 0;
class Noted {
    static permission = "default";
    static async requestPermission() { return (Noted.permission = "ANSWER"); }
    constructor(title, options) { window.noted.push([title, options]); }
}
window.Notification = Noted;
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...when) { window.tones += 1; start.apply(this, when); };
"""

HIDE = """isHidden => {
    Object.defineProperty(document, "hidden", { get: () => isHidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


async def wait_for_viewers(site: Site, page: Page, count: int) -> None:
    """Until so many streams of events are open."""

    async def open_streams() -> bool:
        metrics = await (await page.request.get(f"{site.url}/metrics")).text()
        return f"tonewatch_live_viewers {count}.0" in metrics

    await wait_until(open_streams)


async def noted(site: Site, path: str, answer: str = "granted") -> Page:
    """A page whose browser notes notifications and tones instead of showing them."""
    page = await site.open("/history")
    await page.context.add_init_script(NOTED.replace("ANSWER", answer))
    await page.goto(site.url + path)
    await page.locator("#notify-sound").wait_for()
    return page


@pytest.mark.parametrize("path", ["/alerts", "/"])
async def test_what_fires_between_two_pages_is_told_by_the_next_once(desk: Desk, path: str) -> None:
    page = await noted(desk.site, path)
    await page.get_by_label("Sound", exact=True).check()
    await page.goto("about:blank")
    await desk.fire("a")
    await desk.wait_for("a")
    for tones in (2, 0):
        await page.goto(desk.site.url + path)
        await expect(page.locator("[data-key=a], [data-alert=a]")).to_have_count(1)
        await page.wait_for_function(f"window.tones === {tones}")


@pytest.mark.parametrize("path", ["/history", "/rules", "/account"])
async def test_alerts_pop_up_on_every_page(desk: Desk, path: str) -> None:
    page = await desk.open(path)
    await wait_for_viewers(desk.site, page, 1)
    await desk.fire("a", rule=EVIL, priority=Priority.CRITICAL)
    toast = page.locator(".toast")
    await expect(toast).to_contain_text(EVIL)
    assert await page.locator(".toasts img, .toasts script").count() == 0
    await desk.fire("a", AlertState.RESOLVED, rule=EVIL, priority=Priority.CRITICAL)
    await toast.get_by_role("link", name=EVIL).click()
    await expect(page.locator("#detail")).to_contain_text("critical")
    await expect(toast).to_have_count(0)


async def test_a_tab_that_nobody_sees_leaves_its_connection_and_catches_up(desk: Desk) -> None:
    page = await desk.open("/history")
    await wait_for_viewers(desk.site, page, 1)
    await page.evaluate(HIDE, True)
    await desk.fire("a")
    await desk.wait_for("a")
    await wait_for_viewers(desk.site, page, 0)
    await expect(page.locator(".toast")).to_have_count(0)
    await page.evaluate(HIDE, False)
    await expect(page.locator(".toast")).to_have_count(1)


@pytest.mark.parametrize("path", ["/alerts", "/"])
async def test_sound_and_notification_are_asked_for_and_remembered(desk: Desk, path: str) -> None:
    page = await noted(desk.site, path)
    await desk.fire("a")
    await desk.wait_for("a")
    await expect(page.locator("[data-key=a], [data-alert=a]")).to_have_count(1)
    assert await page.evaluate("[window.noted.length, window.tones]") == [0, 0]  # nobody asked
    await page.get_by_label("Sound", exact=True).check()
    await page.get_by_label("Notifications", exact=True).check()
    assert await page.evaluate("window.tones") == 2  # how it will sound
    await page.reload()
    await expect(page.get_by_label("Sound", exact=True)).to_be_checked()
    await page.evaluate("Notification.permission = 'granted'")
    await desk.fire("b", rule=EVIL, priority=Priority.CRITICAL, emotions=("angry",))

    async def told() -> bool:
        return bool(await page.evaluate("window.noted.length && window.tones"))

    await wait_until(told)
    ((title, options),) = await page.evaluate("window.noted")
    assert title == f"critical · {EVIL}"
    assert "angry" in options["body"]
    assert options["tag"] == "b"
    await page.get_by_label("Sound", exact=True).uncheck()
    await page.reload()
    await expect(page.get_by_label("Sound", exact=True)).not_to_be_checked()


async def test_notifications_that_the_browser_refuses_are_explained(desk: Desk) -> None:
    page = await noted(desk.site, "/alerts?lang=zh", answer="denied")
    await page.get_by_label("系统通知").click()
    await expect(page.locator("#notify-problem")).to_contain_text("浏览器未获准显示通知")
    await expect(page.get_by_label("系统通知")).not_to_be_checked()
