"""The live view with many calls: links, filters, order by risk, and no more work than needed."""

from typing import Any

from playwright.async_api import Page, expect

from tests.browser.site import Site
from tests.support.messages import make_alert, make_score, make_session
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.clock import utc_now
from tonewatch.shared.messages import AlertState, Priority
from tonewatch.shared.streams import ALERTS, SCORES, SESSIONS

COUNT_CHANGES = """() => {
    window.changed = new Map();
    new MutationObserver((changes) => {
        for (const { target } of changes) {
            const element = target.nodeType === Node.ELEMENT_NODE ? target : target.parentElement;
            const name = element?.closest(".card")?.dataset.session || element?.id || "elsewhere";
            window.changed.set(name, (window.changed.get(name) || 0) + 1);
        }
    }).observe(document.querySelector("main .column"),
        { subtree: true, childList: true, characterData: true, attributes: true });
}"""


def of(name: str) -> dict[str, Any]:
    return {"session_id": f"call-{name}", "source_id": f"source-{name}"}


async def begin(broker: RedisBroker, name: str, **labels: str) -> None:
    await broker.publish([Outgoing(SESSIONS, make_session(name=name, labels=labels, **of(name)))])


async def say(
    broker: RedisBroker, name: str, emotion: str, seconds: range, confidence: float = 0.9
) -> None:
    scores = [make_score(seq, emotion, confidence, **of(name)) for seq in seconds]
    await broker.publish([Outgoing(SCORES, score) for score in scores])


async def fire(broker: RedisBroker, name: str, **changes: Any) -> None:
    now = utc_now()
    moments = {"at": now, "decided_at": now}
    alert = make_alert(alert_id=f"alert-{name}", **{**of(name), **moments, **changes})
    await broker.publish([Outgoing(ALERTS, alert)])


def titles(page: Page) -> Any:
    return page.locator("#cards .card:not([hidden]) h3")


async def test_a_card_leads_to_the_page_of_its_call(site: Site, broker: RedisBroker) -> None:
    await begin(broker, "Line7")
    page = await site.open()
    link = page.locator(".card h3 a")
    await expect(link).to_have_attribute("href", "/calls/call-Line7")
    await link.click()
    await expect(page).to_have_url(f"{site.url}/calls/call-Line7")


async def test_calls_are_filtered_by_queue_agent_and_tier(site: Site, broker: RedisBroker) -> None:
    await begin(broker, "a", queue="refunds", agent_id="1", customer_tier="vip")
    await begin(broker, "b", queue="refunds", agent_id="2")
    await begin(broker, "c", queue="sales", agent_id="1")
    page = await site.open()
    await expect(titles(page)).to_have_text(["a", "b", "c"])
    queue, agent, tier = (
        page.locator(f"#live-filters [name={name}]")
        for name in ("queue", "agent_id", "customer_tier")
    )
    await queue.select_option("refunds")
    await expect(titles(page)).to_have_text(["a", "b"])
    await expect(page.locator("#live-count")).to_have_text("2 of 3 live")
    await agent.select_option("2")
    await expect(titles(page)).to_have_text(["b"])
    assert page.url.endswith("?queue=refunds&agent_id=2")
    await page.reload()
    await expect(titles(page)).to_have_text(["b"])
    await tier.select_option("vip")
    await expect(titles(page)).to_have_count(0)
    await expect(page.locator("#live-none-match")).to_be_visible()
    for field in (queue, agent, tier):
        await field.select_option("")
    await expect(titles(page)).to_have_text(["a", "b", "c"])
    await begin(broker, "d", queue="vip desk")  # what comes later can be chosen
    await expect(queue.locator("option")).to_have_text(["any", "refunds", "sales", "vip desk"])


async def test_calls_that_may_need_somebody_stand_first(site: Site, broker: RedisBroker) -> None:
    for name in "abcd":
        await begin(broker, name)
        await say(broker, name, "neutral", range(5))
    page = await site.open()
    await expect(titles(page)).to_have_text(["a", "b", "c", "d"])
    await say(broker, "c", "angry", range(5, 35))
    await expect(titles(page)).to_have_text(["c", "a", "b", "d"])
    await say(broker, "b", "sad", range(5, 35))
    await expect(titles(page)).to_have_text(["c", "b", "a", "d"])
    await fire(broker, "a", priority=Priority.LOW)
    await fire(broker, "d", priority=Priority.CRITICAL)
    await expect(titles(page)).to_have_text(["d", "a", "c", "b"])
    await fire(broker, "d", state=AlertState.RESOLVED, decided_at=utc_now())
    await expect(titles(page)).to_have_text(["a", "c", "b", "d"])


async def test_a_card_stays_under_the_pointer(site: Site, broker: RedisBroker) -> None:
    for name in "ab":
        await begin(broker, name)
        await say(broker, name, "neutral", range(5))
    page = await site.open()
    await page.get_by_role("article", name="a", exact=True).hover()
    await say(broker, "b", "angry", range(5, 35))
    await fire(broker, "b")
    await expect(page.locator(".card.alarm")).to_have_count(1)
    await expect(titles(page)).to_have_text(["a", "b"])
    await page.mouse.move(0, 0)
    await expect(titles(page)).to_have_text(["b", "a"])


async def test_of_two_hundred_cards_only_what_changes_is_touched(
    site: Site, broker: RedisBroker
) -> None:
    names = [f"{number:03}" for number in range(200)]
    for name in names:
        await begin(broker, name, queue=f"q{int(name) % 7}")
        await say(broker, name, "neutral", range(2))
    page = await site.open()
    await expect(titles(page)).to_have_count(200)
    await expect(page.locator(".card canvas")).to_have_count(200)
    await expect(page.locator("[data-session=call-003] .now")).to_have_text("neutral90 %")
    await page.evaluate(COUNT_CHANGES)
    await say(broker, "003", "angry", range(2, 3))
    await say(broker, "150", "happy", range(2, 3))
    await expect(page.locator("[data-session=call-003] .now")).to_have_text("angry90 %")
    await expect(page.locator("[data-session=call-150] .now")).to_have_text("happy90 %")
    # the page looks at every card once a second: it has done so by the end of this, after its timer
    await page.evaluate("new Promise((done) => setTimeout(done, 1500))")
    changed = await page.evaluate("Object.fromEntries(window.changed)")
    assert {"call-003", "call-150"} <= set(changed)
    # cards that say how long they have been silent change by themselves, others must not
    silent = set(
        await page.locator(".card.silent").evaluate_all("all => all.map(c => c.dataset.session)")
    )
    assert {name for name in changed if name.startswith("call-")} - silent <= {
        "call-003",
        "call-150",
    }
    seen = page.locator("[data-session=call-003] canvas")
    far = page.locator("[data-session=call-150] canvas")
    assert await seen.get_attribute("aria-label") is not None
    assert await far.get_attribute("aria-label") is None  # nobody sees it: it is not drawn
    await far.scroll_into_view_if_needed()
    await expect(far).to_have_attribute(
        "aria-label", "Emotion over the last minutes, mixed: neutral 67 %, happy 33 %"
    )
    assert site.complaints == []


async def test_how_well_the_audio_comes_in_stands_on_the_card(
    site: Site, broker: RedisBroker
) -> None:
    qualities = {"a": "good", "b": "unusable", "c": None}
    site.suite.sources = [
        {"id": f"source-{name}", "name": name, "kind": "pull", "state": "live", "quality": quality}
        for name, quality in qualities.items()
    ]
    for name in qualities:
        await begin(broker, name)
    page = await site.open("/?lang=zh")

    def mark(name: str) -> Any:
        return page.locator(f"[data-session=call-{name}] .connection")

    await expect(mark("a")).to_have_attribute("aria-label", "连接良好")
    await expect(mark("a").locator(".on")).to_have_count(3)
    await expect(mark("b")).to_have_attribute("aria-label", "连接不可用")
    await expect(mark("b").locator(".on")).to_have_count(0)
    await expect(mark("c")).to_be_hidden()
    await begin(broker, "d")
    site.suite.sources[0]["quality"] = "excellent"
    site.suite.sources[1]["quality"] = None
    await expect(mark("a").locator(".on")).to_have_count(4)  # sources are asked every ten seconds
    await expect(mark("b")).to_be_hidden()
    await expect(mark("d")).to_be_hidden()


async def test_the_filters_are_chinese_on_request(site: Site, broker: RedisBroker) -> None:
    await begin(broker, "a", queue="退款", agent_id="1")
    await begin(broker, "b", queue="销售", agent_id="1")
    page = await site.open("/?lang=zh")
    await page.get_by_label("队列").select_option("退款")
    await expect(titles(page)).to_have_text(["a"])
    await expect(page.locator("#live-count")).to_contain_text("显示 1 路")
