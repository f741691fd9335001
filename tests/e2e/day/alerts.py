"""The inbox: an alert understood, handled, judged, and heard."""

from playwright.async_api import Locator, expect

from tests.e2e.day.supervisor import PATIENCE_MS, Supervisor
from tests.support.wait import wait_until


def _act(day: Supervisor, detail: Locator, key: str) -> Locator:
    return detail.locator("form.act", has=day.button(day.page, key))


async def handle_an_alert(day: Supervisor) -> None:
    """Acknowledged, explained, assigned, talked about."""
    link = day.page.locator("nav.pages").get_by_role(
        "link", name=day.words["nav.alerts"], exact=True
    )
    await link.click()
    await day.page.locator("button.row").last.click()
    detail = day.page.locator("#detail")
    await day.button(detail, "inbox.acknowledge").click()
    timeline = detail.locator(".timeline")
    await expect(timeline).to_contain_text("li")
    await expect(detail.locator(".why svg, .why canvas").first).to_be_visible(timeout=PATIENCE_MS)
    assigning = _act(day, detail, "inbox.assign")
    await assigning.locator("[name=to]").fill("zhao")
    await day.button(assigning, "inbox.assign").click()
    await expect(timeline).to_contain_text("zhao")
    commenting = _act(day, detail, "inbox.comment")
    await commenting.locator("[name=text]").fill("the customer calls back")
    await day.button(commenting, "inbox.comment").click()
    await expect(timeline).to_contain_text("the customer calls back")


async def hear_it(day: Supervisor) -> None:
    """The audio around it, which is kept some seconds after its end."""
    await day.go("/alerts")
    heard = day.page.locator("#detail audio")

    async def is_there() -> bool:
        await day.page.locator("button.row").last.click()
        return await heard.count() > 0

    await wait_until(is_there, PATIENCE_MS / 1000, interval_seconds=0.5)
    await heard.evaluate("(audio) => { audio.muted = true; audio.play(); }")
    await day.hears("#detail audio")


async def judge_it(day: Supervisor) -> None:
    """Right or wrong; and no more of it for an hour."""
    detail = day.page.locator("#detail")
    closing = _act(day, detail, "inbox.close")
    await closing.locator("[name=verdict]").select_option("right")
    await day.button(closing, "inbox.close").click()
    await expect(detail.locator(".timeline")).to_contain_text(day.words["verdict.right"])
    await day.button(detail, "silence.hour").click()
    await expect(day.page.locator("#silence-count")).to_have_text("(1)")
