"""The inbox before a real alerting service: what people see of alerts and do with them."""

from typing import Any
from urllib.parse import quote

from playwright.async_api import Page, Route, expect

from tests.browser.desk import EVIL, Desk
from tests.integration.alerting.receiver import receiving
from tests.support.wait import wait_until
from tonewatch.shared.messages import AlertState, Priority


async def rules_shown(page: Page) -> list[str]:
    return await page.locator("#inbox button.row strong").all_inner_texts()


async def test_an_alert_appears_by_itself_with_what_became_of_it(desk: Desk) -> None:
    page = await desk.open("/alerts")
    await expect(page.locator("#inbox-empty")).to_be_visible()
    await desk.fire("a", rule="VIP客户恐惧告警", labels={"agent_id": "A1207", "queue": "vip"})
    row = page.locator("#inbox button.row")
    await expect(row).to_contain_text("VIP客户恐惧告警")
    await expect(row).to_contain_text("firing")
    await expect(row).to_contain_text("agent A1207 · queue vip")
    await expect(row).to_contain_text("nobody has taken it up")
    await expect(row).to_contain_text("nobody was told: no receiver wants it", timeout=12_000)
    await desk.fire("a", AlertState.RESOLVED, rule="VIP客户恐惧告警")
    await expect(row).to_contain_text("resolved")


async def test_filters_narrow_the_list_and_are_part_of_the_address(desk: Desk) -> None:
    await desk.fire("a", rule="angry", priority=Priority.HIGH, labels={"agent_id": "7"})
    await desk.fire("b", rule="afraid", priority=Priority.LOW)
    await desk.fire("c", rule="sad", priority=Priority.LOW)
    await desk.fire("c", AlertState.RESOLVED, rule="sad", priority=Priority.LOW)
    await desk.wait_for("a", "b", "c")
    await desk.client.post("/v1/alerts/a/acknowledge", json={"by": "wang"})
    page = await desk.open("/alerts")
    await expect(page.locator("#inbox button.row")).to_have_count(3)
    for name, value, left in (
        ("state", "resolved", ["sad"]),
        ("priority", "high", ["angry"]),
        ("rule", "afraid", ["afraid"]),
        ("agent", "7", ["angry"]),
    ):
        field = page.locator(f"#filters [name={name}]")
        is_select = await field.evaluate("field => field.tagName === 'SELECT'")
        await (field.select_option(value) if is_select else field.fill(value))
        await expect(page.locator("#inbox button.row strong")).to_have_text(left)
        assert f"{name}={value}" in page.url
        await (field.select_option("") if is_select else field.fill(""))
    await page.get_by_label("not acknowledged").check()
    await expect(page.locator("#inbox button.row")).to_have_count(2)
    await page.reload()
    await expect(page.locator("#inbox button.row")).to_have_count(2)
    assert set(await rules_shown(page)) == {"afraid", "sad"}


async def test_an_alert_that_is_acted_on_while_it_opens_is_shown_all_the_same(desk: Desk) -> None:
    await desk.fire("a")
    await desk.wait_for("a")
    page = await desk.open("/alerts")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    await page.route("**/api/v1/inbox/a", hold)
    await page.locator("#inbox button.row").click()
    await wait_until(lambda: len(held) == 1)
    await page.keyboard.press("a")
    await wait_until(lambda: len(held) == 2)  # what became of it by that
    for route in held:
        async with page.expect_response("**/api/v1/inbox/a"):
            await route.continue_()
    await expect(page.locator("#detail .timeline")).to_contain_text("acknowledged")
    await expect(page.locator("#detail")).to_be_focused()


async def test_alerts_are_grouped_as_one_likes(desk: Desk) -> None:
    of_one: dict[str, Any] = {"labels": {"agent_id": "7"}, "session_id": "call-1"}
    await desk.fire("a", rule="angry", priority=Priority.HIGH, **of_one)
    await desk.fire("b", rule=EVIL, priority=Priority.CRITICAL)
    await desk.fire("c", rule="angry", priority=Priority.HIGH, **of_one)
    await desk.fire("c", AlertState.RESOLVED, rule="angry", priority=Priority.HIGH, **of_one)
    await desk.wait_for("a", "b", "c")
    page = await desk.open("/alerts?group=rule")
    groups = page.locator("#inbox .group")
    await expect(groups).to_have_text(["angry2 alerts, 1 firing", f"{EVIL}1 alerts, 1 firing"])
    assert await rules_shown(page) == ["angry", "angry", EVIL]
    for choice, shown in (
        ("agent", ["agent 7", "no agent"]),
        ("call", ["call-1", "call-b"]),
        ("priority", ["critical", "high"]),
    ):
        await page.get_by_label("Group by").select_option(choice)
        await expect(groups.locator("h3")).to_have_text(shown)
        assert f"group={choice}" in page.url
    await page.locator("#inbox button.row").first.focus()
    await page.keyboard.press("j")  # over the heading
    assert await page.evaluate("document.activeElement.closest('li').innerText.includes('angry')")
    await page.get_by_label("Group by").select_option("")
    await expect(groups).to_have_count(0)
    assert await page.locator("main img, main script").count() == 0


async def test_acknowledge_assign_comment_and_close_are_told_in_the_timeline(desk: Desk) -> None:
    await desk.fire("a")
    await desk.wait_for("a")
    page = await desk.open("/alerts")
    await page.locator("#inbox button.row").click()
    detail = page.locator("#detail")
    await detail.get_by_role("button", name="Acknowledge").click()
    await expect(detail.locator(".timeline")).to_contain_text("acknowledged · li")
    await expect(detail.get_by_role("button", name="Acknowledge")).to_have_count(0)
    await detail.get_by_label("To").fill("wang")
    await detail.get_by_role("button", name="Assign").click()
    await expect(detail.locator(".timeline")).to_contain_text("assigned · li wang")
    await detail.locator("[name=text]").fill("called back")
    await detail.get_by_role("button", name="Comment").click()
    await expect(detail.locator(".timeline")).to_contain_text("“called back”")
    await detail.get_by_label("Verdict").select_option("needs_coaching")
    await detail.get_by_role("button", name="Close", exact=True).click()
    await expect(detail.locator(".timeline")).to_contain_text("closed · li needs coaching")
    row = page.locator("#inbox button.row")
    await expect(row).to_contain_text("closed by li: needs coaching · assigned to wang")
    kept = await desk.alert("a")
    assert (kept["verdict"], kept["assigned_to"]) == ("needs_coaching", "wang")


async def test_a_change_by_another_person_is_told_with_the_present_state(desk: Desk) -> None:
    await desk.fire("a")
    await desk.wait_for("a")
    page = await desk.open("/alerts?open=a")
    detail = page.locator("#detail")
    await detail.get_by_label("To").fill("li")  # writing: the page does not change under the hands
    await desk.client.post("/v1/alerts/a/assign", json={"by": "zhao", "to": "wang"})
    await detail.get_by_role("button", name="Assign").click()
    note = detail.locator(".note")
    await expect(note).to_contain_text("Somebody else has changed this alert meanwhile")
    await expect(note).to_contain_text("assigned to wang")
    assert (await desk.alert("a"))["assigned_to"] == "wang"
    await desk.client.post("/v1/alerts/a/acknowledge", json={"by": "zhao"})
    await page.locator("#inbox button.row").focus()
    await page.keyboard.press("a")
    await expect(note).to_contain_text("zhao had acknowledged it already")


async def test_keys_move_open_acknowledge_and_explain_themselves(desk: Desk) -> None:
    for name in "abc":
        await desk.fire(name, rule=f"rule {name}")
    await desk.wait_for("a", "b", "c")
    page = await desk.open("/alerts")
    await expect(page.locator("#inbox button.row")).to_have_count(3)
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("k")
    await expect(page.locator("#inbox button.row").nth(1)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#detail h3")).to_have_text("rule b")
    await page.keyboard.press("a")
    await expect(page.locator("#detail .timeline")).to_contain_text("acknowledged · li")
    await page.keyboard.press("Escape")
    await expect(page.locator("#inbox button.row").nth(1)).to_be_focused()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_contain_text("acknowledge the alert")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.locator("[name=agent]").focus()
    await page.keyboard.type("jak?")  # letters in a field are letters
    await expect(page.locator("[name=agent]")).to_have_value("jak?")
    assert (await desk.alert("c"))["acknowledged"] is None


async def test_a_silence_of_an_hour_is_listed_and_can_be_ended(desk: Desk) -> None:
    await desk.fire("a", labels={"agent_id": "7"})
    await desk.wait_for("a")
    page = await desk.open("/alerts?open=a")
    detail = page.locator("#detail")
    await detail.locator("[name=scope]").select_option(label="this rule for agent 7")
    await detail.get_by_role("button", name="Silence for an hour").click()
    await expect(page.locator("#silence-count")).to_have_text("(1)")
    await page.get_by_text("Silences in force").click()
    await expect(page.locator("#silences")).to_contain_text("rule=angry, agent_id=7")
    await desk.fire("b", labels={"agent_id": "7"})
    row = page.locator("#inbox button.row", has_text="nobody was told: silenced")
    await expect(row).to_be_visible(timeout=12_000)
    await page.get_by_role("button", name="End now").click()
    await expect(page.locator("#silences-empty")).to_be_visible()


async def test_deliveries_are_shown_with_their_attempts_and_sent_again(desk: Desk) -> None:
    async with receiving() as receiver:
        hook = {"name": "crm", "url": receiver.url, "secret": receiver.secret}
        (await desk.client.post("/v1/webhooks", json=hook)).raise_for_status()
        page = await desk.open("/alerts")
        await desk.fire("a")
        await page.locator("#inbox button.row").click(timeout=10_000)
        told = page.locator("#detail [data-delivery]")
        await expect(told).to_contain_text("crm", timeout=12_000)
        await expect(told).to_contain_text("delivered", timeout=12_000)
        await told.get_by_text("Attempts and message").click()
        await expect(told.locator("table")).to_contain_text("HTTP 204")
        await expect(told.locator("pre")).to_contain_text('"alert_id": "a"')
        await told.get_by_role("button", name="Send again").click()
        await expect(told.locator(".badge")).to_be_visible()
        await page.wait_for_timeout(500)
        assert receiver.kinds == ["alert.firing", "alert.firing"]


async def test_the_inbox_is_chinese_on_request(desk: Desk) -> None:
    await desk.fire("a", labels={"agent_id": "7"})
    await desk.wait_for("a")
    page = await desk.open("/alerts?lang=zh")
    row = page.locator("#inbox button.row")
    await expect(row).to_contain_text("坐席 7")
    await row.click()
    await page.locator("#detail").get_by_role("button", name="确认").click()
    await expect(page.locator("#detail .timeline")).to_contain_text("确认 · li")
    await expect(row).to_contain_text("li 已确认")


async def test_labels_and_comments_are_text_never_markup(desk: Desk) -> None:
    await desk.fire("a", rule=EVIL, labels={"agent_id": EVIL}, message=EVIL)
    await desk.wait_for("a")
    await desk.client.post("/v1/alerts/a/comment", json={"by": EVIL[:100], "comment": EVIL})
    page = await desk.open("/alerts?open=a&rule=" + quote(EVIL))
    await expect(page.locator("#detail h3")).to_have_text(EVIL)
    await expect(page.locator("#detail .timeline")).to_contain_text(EVIL)
    await expect(page.locator("#inbox strong")).to_have_text(EVIL)
    assert await page.locator("main img, main script").count() == 0


async def test_a_phone_shows_list_or_alert_without_scrolling_sideways(desk: Desk) -> None:
    await desk.fire("a", rule="x" * 200, labels={"agent_id": "y" * 200})
    await desk.wait_for("a")
    page = await desk.open("/alerts", viewport={"width": 390, "height": 800}, color_scheme="dark")
    await page.locator("#inbox button.row").click()
    await expect(page.locator("#inbox")).to_be_hidden()
    await expect(page.locator("#detail .timeline")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    await page.get_by_role("button", name="← All alerts").click()
    await expect(page.locator("#inbox button.row")).to_be_visible()
    await expect(page.locator("#detail")).to_be_hidden()
