"""A rule from the form: tried on past calls, changed, compared, tried out, switched off."""

from typing import Final

from playwright.async_api import Locator, expect

from tests.e2e.day.supervisor import PATIENCE_MS, Supervisor

NAME: Final = "shouting"


async def write_a_rule(day: Supervisor) -> None:
    """By the form, whose YAML is judged, tried on what was stored, and saved."""
    page = day.page
    await day.go("/rules")
    await page.locator("#rule-new").click()
    form = page.locator("#rule-form")
    await form.locator("[name=name]").fill(NAME)
    await form.locator("[name=emotion][value=angry]").check()
    await form.locator("[name=threshold]").fill("0.8")
    await expect(page.locator("#editor-save")).to_be_enabled()
    await _try_on_past_calls(day, page.locator("#editor-backtest"))
    await page.locator("#editor-save").click()
    await expect(page.locator("#editor")).to_be_hidden()
    await expect(_rule(day)).to_be_visible()


async def change_it(day: Supervisor) -> None:
    """In YAML; its versions differ in the line that was changed."""
    rule, text = _rule(day), day.page.locator("#editor-text")
    await day.button(rule, "rules.edit.api").click()
    await text.fill((await text.input_value()).replace("threshold: 0.8", "threshold: 0.85"))
    await day.page.locator("#editor-save").click()
    await expect(day.page.locator("#editor")).to_be_hidden()
    await expect(rule).to_contain_text("85 %")
    await day.open_part(rule, "rules.versions")
    await day.button(rule, "rules.compare").click()
    await expect(rule.locator(".diff .added")).to_contain_text(["threshold: 0.85"])


async def try_it_out(day: Supervisor) -> None:
    """A test to whom it would tell, which the demo's receiver takes; then it is switched off."""
    rule = _rule(day)
    await day.button(rule, "rules.test").click()
    await expect(rule.locator("ul[role=status] > li.good")).to_be_visible(timeout=PATIENCE_MS)
    await day.button(rule, "rules.switch.disable").click()
    await expect(rule).to_contain_text(day.words["rules.standing.off"])


async def _try_on_past_calls(day: Supervisor, place: Locator) -> None:
    await day.open_part(place, "backtest.title")
    await day.button(place, "backtest.run").click()
    await expect(place.locator("ol > li").first).to_be_visible(timeout=PATIENCE_MS)
    await expect(place.locator(".time-marks > a").first).to_be_visible()


def _rule(day: Supervisor) -> Locator:
    return day.page.locator(f"#rules > li[data-rule={NAME}]")
