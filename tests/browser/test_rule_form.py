"""The form beside a rule's YAML, trying a rule on past calls, and a test to whom it tells."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.desk import Desk, opened_desk
from tests.integration.alerting.receiver import Answer, Request, receiving
from tests.support.fake_suite import FakeSuite
from tests.support.past_calls import CALLS, past_calls
from tonewatch.shared.broker import RedisBroker

ANGRY = {"name": "shouting", "emotion": "angry", "threshold": 0.75, "duration_sec": 2}
WRITTEN = """\
# asked for by quality
name: shouting # in the yard
emotion: angry
threshold: 0.75
gap_tolerance_sec: 1.5
resolve: {level: 0.5}
"""


@pytest.fixture
async def past(
    suite: FakeSuite, broker: RedisBroker, browser: Browser, tmp_path: Path
) -> AsyncIterator[Desk]:
    """A desk whose alerting knows a storage with a few calls."""
    async with (
        past_calls(broker, tmp_path / "storage") as url,
        opened_desk(suite, broker, browser, tmp_path, storage_url=url) as made,
    ):
        yield made
        assert made.site.errors() == []


async def new_rule(desk: Desk, path: str = "/rules", **options: Any) -> Page:
    page = await desk.open(path, **options)
    await page.locator("#rule-new").click()
    return page


def field(page: Page, name: str) -> Locator:
    return page.locator(f"#rule-form [name={name}]")


async def test_what_is_changed_in_the_form_is_changed_in_the_yaml_and_only_that(
    desk: Desk,
) -> None:
    page = await new_rule(desk)
    text = page.locator("#editor-text")
    await text.fill(WRITTEN)
    await expect(field(page, "name")).to_have_value("shouting")
    await expect(page.get_by_role("checkbox", name="angry")).to_be_checked()
    await field(page, "threshold").fill("0.9")
    await field(page, "priority").select_option("high")
    await page.get_by_role("checkbox", name="sad").check()
    await field(page, "match").fill("queue=vip\norder_id=~a{1,2}")
    await field(page, "channels").fill("webhook")
    written = WRITTEN.replace("0.75", "0.9").replace("emotion: angry", "emotion: [angry, sad]")
    expected = (
        f'{written}priority: high\nmatch: [queue=vip, "order_id=~a{{1,2}}"]\nchannels: [webhook]\n'
    )
    await expect(text).to_have_value(expected)
    await field(page, "priority").select_option("")
    await expect(text).to_have_value(expected.replace("priority: high\n", ""))
    await expect(page.locator("#editor-save")).to_be_enabled()
    await page.locator("#editor-save").click()
    await expect(page.locator("#editor")).to_be_hidden()
    saved = (await desk.client.get("/v1/rules/shouting")).json()["rule"]
    assert saved["emotion"] == ["angry", "sad"]
    assert (saved["threshold"], saved["gap_tolerance_sec"]) == (0.9, 1.5)
    assert saved["resolve"]["level"] == 0.5


async def test_what_is_changed_in_the_yaml_is_changed_in_the_form(desk: Desk) -> None:
    page = await new_rule(desk)
    text = page.locator("#editor-text")
    await text.fill(
        "name: x\ncombination: {emotions: [sad, angry], min_sum: 0.8}\nspeaker: agent\n"
    )
    await expect(field(page, "condition")).to_have_value("combination")
    await expect(field(page, "min_sum")).to_have_value("0.8")
    await expect(field(page, "speaker")).to_have_value("agent")
    await expect(page.get_by_role("checkbox", name="sad")).to_be_checked()
    await field(page, "condition").select_option("emotion")
    await expect(text).to_have_value(
        "name: x\nspeaker: agent\nemotion: [angry, sad]\nthreshold: 0.8\n"
    )
    await expect(field(page, "threshold")).to_have_value("0.8")
    await text.fill("name: [x\n")
    await expect(page.locator("#form-note")).to_contain_text("waits until the YAML")
    await expect(field(page, "name")).to_be_disabled()


async def test_what_the_form_cannot_show_is_left_to_the_yaml(desk: Desk) -> None:
    page = await new_rule(desk)
    text = page.locator("#editor-text")
    written = (
        "name: x\nno_data: {kind: silence, longer_than_sec: 30}\nmessage: {zh: 静, en: silent}\n"
    )
    await text.fill(written)
    await expect(page.locator("#form-other")).to_be_visible()
    await expect(field(page, "threshold")).to_be_hidden()
    await expect(field(page, "message")).to_be_disabled()
    await field(page, "cooldown_sec").fill("60")
    await expect(text).to_have_value(f"{written}cooldown_sec: 60\n")
    await expect(page.locator("#editor-words")).to_have_text("nobody speaks for longer than 30 s")


async def test_a_draft_is_tried_on_past_calls_and_leads_to_them(past: Desk) -> None:
    page = await new_rule(past)
    await page.locator("#editor-text").fill("name: x\nemotion: angry\nthreshold: 0.75\n")
    await expect(page.locator("#editor-save")).to_be_enabled()
    trial = page.locator("#editor .backtest")
    await trial.get_by_text("Try it on past calls").click()
    await trial.locator("[name=from]").fill("2026-01-04T00:00")
    await trial.locator("[name=to]").fill("2026-01-06T00:00")
    await trial.get_by_role("button", name="Run").click()
    await expect(trial.get_by_role("status")).to_contain_text(f"{CALLS} calls")
    marks = trial.locator(".time-marks a")
    await expect(trial.locator("ol > li")).to_have_count(await marks.count())
    assert await marks.count() >= CALLS
    await expect(marks.first).to_have_attribute("href", "/calls/call-0")
    await expect(trial.locator("ol a").first).to_contain_text("customer · 90 %")
    await trial.locator("[name=to]").fill("2026-01-03T00:00")
    await trial.get_by_role("button", name="Run").click()
    await expect(trial.locator(".problem")).not_to_be_empty()  # it ends before it begins


async def test_a_rule_is_tried_in_chinese_on_a_phone(past: Desk) -> None:
    size = {"width": 390, "height": 800}
    page = await past.open("/rules?lang=zh", viewport=size)
    trial = page.locator("#rules > li .backtest")
    await trial.get_by_text("用历史通话回测").click()
    await trial.locator("[name=from]").fill("2026-01-04T00:00")
    await trial.locator("[name=to]").fill("2026-01-06T00:00")
    await trial.get_by_role("button", name="运行").click()
    await expect(trial.get_by_role("status")).to_contain_text("本应触发")
    await expect(trial.locator(".time-marks a")).to_have_count(CALLS)
    await page.locator("#rule-new").click()
    await expect(page.locator("#rule-form legend")).to_have_text("情绪")
    assert await page.evaluate("document.documentElement.scrollWidth") == 390


async def refuse(_request: Request) -> Answer:
    return 500, {}, "out of order"


async def test_a_test_goes_to_all_whom_the_rule_tells_and_to_nobody_else(desk: Desk) -> None:
    page = await desk.open("/rules")
    rule = page.locator("#rules > li")
    await rule.get_by_role("button", name="Send a test").click()
    await expect(rule.locator(".problem", has_text="Nobody would be told")).to_be_visible()
    async with receiving() as good, receiving(refuse) as bad, receiving() as other:
        for name, receiver, wish in (
            ("good", good, {"rules": ["angry"]}),
            ("bad", bad, {}),
            ("other", other, {"rules": ["another"]}),
        ):
            hook = {"name": name, "url": receiver.url, "secret": receiver.secret, "filter": wish}
            (await desk.client.post("/v1/webhooks", json=hook)).raise_for_status()
        await rule.get_by_role("button", name="Send a test").click()
        await expect(rule.locator("li.good")).to_contain_text("good (webhook): delivered")
        await expect(rule.locator("li.problem")).to_contain_text("bad (webhook): answered 500")
        assert (good.kinds, bad.kinds, other.kinds) == (["test"], ["test"], [])
