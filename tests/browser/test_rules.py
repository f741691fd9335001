"""The page of rules before a real alerting service: what is in force, what was refused, editing."""

import asyncio
from typing import Any

from playwright.async_api import Page, Route, expect

from tests.browser.desk import EVIL, Desk

RULE: dict[str, Any] = {"name": "VIP 恐惧", "emotion": "fearful", "threshold": 0.6}


async def add(desk: Desk, **changes: Any) -> None:
    body = {"by": "wang", "comment": "first", "rule": {**RULE, **changes}}
    (await desk.client.post("/v1/rules", json=body)).raise_for_status()


def item(page: Page, name: str) -> Any:
    return page.locator("#rules > li", has=page.locator("strong", has_text=name))


async def keep_back(page: Page, address: str) -> tuple[asyncio.Event, asyncio.Event]:
    """Hold the next answer: the first event says that it is there, the second lets it go."""
    there, go = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        answer = await route.fetch()
        there.set()
        await go.wait()
        await route.fulfill(response=answer)

    await page.route(address, hold, times=1)
    return there, go


async def test_rules_are_told_in_words_with_their_origin_and_precision(desk: Desk) -> None:
    stage = {"emotion": "sad", "threshold": 0.5}
    stages = [stage, {"emotion": "angry", "threshold": 0.6, "duration_sec": 2}]
    await add(desk, match=["queue=vip"], speaker="customer")
    await add(
        desk,
        name="escalating",
        emotion=None,
        threshold=None,
        sequence={"stages": stages, "within_sec": 20},
    )
    for name, verdict in (("a", "right"), ("b", "false_alarm"), ("c", None)):
        await desk.fire(name)
        await desk.wait_for(name)
        if verdict:
            body = {"by": "li", "verdict": verdict}
            await desk.client.post(f"/v1/alerts/{name}/close", json=body)
    page = await desk.open("/rules")
    angry, vip = item(page, "angry"), item(page, "VIP 恐惧")
    await expect(angry).to_contain_text("angry above 75 % for 2 s")
    await expect(angry).to_contain_text("rules file, line 2")
    await expect(angry).to_contain_text("right in 50 % of what was judged (3 alerts: 1 right, 1")
    await expect(vip).to_contain_text(
        "fearful above 60 % for 1 s; only the customer; only calls with queue=vip"
    )
    await expect(vip).to_contain_text("version 1 by wang")
    await expect(vip).to_contain_text("has not fired yet")
    await expect(item(page, "escalating")).to_contain_text(
        "sad above 50 % for 1 s, then angry above 60 % for 2 s, all within 20 s"
    )
    await vip.get_by_text("As YAML").click()
    await expect(vip.locator("pre")).to_contain_text("name: VIP 恐惧\nmatch: [queue=vip]")


async def test_the_last_error_of_the_file_is_shown_with_its_place(desk: Desk) -> None:
    page = await desk.open("/rules")
    await expect(page.locator("#rules-error")).to_be_hidden()
    (desk.folder / "rules.yaml").write_text(
        'rules:\n  - {name: "angry", emotion: angrry, threshold: 0.75}\n'
    )
    await desk.client.post("/v1/rules/reload")
    error = page.locator("#rules-error")
    await expect(error).to_contain_text("line 2", timeout=15_000)
    await expect(error).to_contain_text("Did you mean angry?")
    await expect(item(page, "angry")).to_contain_text("in force")


async def test_a_rule_is_judged_while_it_is_written_and_saved(desk: Desk) -> None:
    page = await desk.open("/rules")
    await page.get_by_role("button", name="New rule", exact=True).click()
    text, save = page.locator("#editor-text"), page.locator("#editor-save")
    await text.fill("name: 恐惧 now?\nemotion: [fearfull]\nthreshold: 0.6\n")
    await expect(page.locator("#editor-problems")).to_contain_text("line 2")
    await expect(page.locator("#editor-problems")).to_contain_text("Did you mean fearful?")
    await expect(save).to_be_disabled()
    await text.fill("name: 恐惧 now?\nemotion: [fearful, sad]\nthreshold: 0.6\n")
    await expect(page.locator("#editor-words")).to_have_text("fearful or sad above 60 % for 1 s")
    await page.locator("#editor-comment").fill("asked for by quality")
    await save.click()
    await expect(page.locator("#editor")).to_be_hidden()
    await expect(item(page, "恐惧 now?")).to_contain_text("version 1 by li")
    versions = (await desk.client.get("/v1/rules/%E6%81%90%E6%83%A7%20now%3F/versions")).json()
    assert versions["items"][0]["comment"] == "asked for by quality"


async def test_an_answer_that_is_overtaken_takes_nothing_back(desk: Desk) -> None:
    page = await desk.open("/rules")
    await expect(item(page, "angry")).to_be_visible()
    begun, late = await keep_back(page, "**/api/v1/rules")
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await begun.wait()
    await add(desk)
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(item(page, "VIP 恐惧")).to_be_visible()
    async with page.expect_response("**/api/v1/rules"):
        late.set()
    await page.evaluate("new Promise((done) => setTimeout(done, 100))")
    await expect(item(page, "VIP 恐惧")).to_be_visible(timeout=100)


async def test_a_verdict_on_an_earlier_text_is_not_taken_for_this_one(desk: Desk) -> None:
    page = await desk.open("/rules")
    _, judged = await keep_back(page, "**/api/v1/rules/validate")
    await page.get_by_role("button", name="New rule", exact=True).click()
    # the editor's pause after the last key lasts until we say so
    hold = "setTimeout = ((real) => (act, ms) => (ms === 300 ? (later = act) : real(act, ms)))"
    await page.evaluate(f"{hold}(setTimeout); null")
    await page.locator("#editor-text").fill("name: mine\nemotion: angry\nthreshold: 0.6\n")
    async with page.expect_response("**/api/v1/rules/validate"):
        judged.set()
    await page.evaluate("new Promise((done) => setTimeout(done, 100))")
    await expect(page.locator("#editor-save")).to_be_disabled()
    await page.evaluate("later(); null")
    await expect(page.locator("#editor-save")).to_be_enabled()
    await page.locator("#editor-save").click()
    await expect(item(page, "mine")).to_be_visible()


async def test_the_second_of_two_people_who_change_a_rule_is_told(desk: Desk) -> None:
    await add(desk)
    page = await desk.open("/rules")
    await item(page, "VIP 恐惧").get_by_role("button", name="Change").click()
    text = page.locator("#editor-text")
    await text.fill((await text.input_value()).replace("0.6", "0.9"))
    body = {"by": "zhao", "rule": {**RULE, "threshold": 0.5}}
    headers = {"If-Match": '"1"'}
    changed = await desk.client.put("/v1/rules/VIP 恐惧", json=body, headers=headers)
    assert changed.status_code == 200
    await expect(page.locator("#editor-save")).to_be_enabled()
    await page.locator("#editor-save").click()
    await expect(page.locator("#editor-problem")).to_contain_text("zhao has changed this rule")
    await expect(page.locator("#editor-problem")).to_contain_text("threshold: 0.5")
    assert "0.9" in await text.input_value()  # nothing that was written is lost


async def test_switching_versions_the_way_back_and_deleting(desk: Desk) -> None:
    await add(desk)
    page = await desk.open("/rules")
    rule = item(page, "VIP 恐惧")
    await rule.get_by_role("button", name="Switch off").click()
    await expect(rule).to_contain_text("not in force")
    await rule.get_by_text("Versions").click()
    await expect(rule.locator("details li")).to_have_count(2)
    await rule.get_by_role("button", name="What changed").click()
    await expect(rule.locator(".diff .added")).to_contain_text(["enabled: false"])
    await rule.get_by_role("button", name="Restore").click()
    await expect(rule.locator(".badge").first).to_have_text("in force")
    await rule.get_by_role("button", name="Delete").click()
    await rule.get_by_role("button", name="Sure?").click()
    await expect(rule).to_have_count(0)


async def test_rules_are_chinese_on_request_and_their_names_are_text(desk: Desk) -> None:
    name = EVIL.replace("/", "")
    await add(
        desk,
        name=name,
        no_data={"kind": "silence", "longer_than_sec": 30},
        emotion=None,
        threshold=None,
    )
    page = await desk.open("/rules?lang=zh", viewport={"width": 390, "height": 800})
    await expect(item(page, "angry")).to_contain_text("生气高于 75 % 持续 2 秒")
    await expect(page.locator("#rules strong").nth(1)).to_have_text(name)
    await expect(page.locator("#rules")).to_contain_text("超过 30 秒无人说话")
    assert await page.locator("main img, main script").count() == 0
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
