"""The page of subscriptions before a real alerting service and a real receiver."""

from typing import Any

from playwright.async_api import Page, expect
from standardwebhooks import Webhook

from tests.browser.desk import EVIL, Desk
from tests.integration.alerting.receiver import SECRET, Answer, Receiver, Request, receiving
from tests.support.wait import wait_until


async def refuse(_request: Request) -> Answer:
    return 500, {}, "out of order"


async def subscribe(desk: Desk, receiver: Receiver, **fields: Any) -> dict[str, Any]:
    hook = {"name": "crm", "url": receiver.url, "secret": receiver.secret, **fields}
    answer = await desk.client.post("/v1/webhooks", json=hook)
    made: dict[str, Any] = answer.raise_for_status().json()
    return made


async def hooks(desk: Desk) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await desk.client.get("/v1/webhooks")).json()["items"]
    return items


async def fill_form(page: Page, **fields: str) -> None:
    await page.get_by_text("Add a subscription", exact=True).click()
    for name, value in fields.items():
        field = page.locator(f"#add-hook [name={name}]")
        is_select = await field.evaluate("field => field.tagName === 'SELECT'")
        await (field.select_option(value) if is_select else field.fill(value))


async def test_a_subscription_is_added_with_filters_and_its_secret_is_shown_once(
    desk: Desk,
) -> None:
    async with receiving() as receiver:
        page = await desk.open("/webhooks")
        await expect(page.locator("#hooks-empty")).to_be_visible()
        await fill_form(
            page,
            name="crm",
            url=receiver.url,
            body_format="alertmanager",
            rate_per_minute="60",
            rules="angry, VIP客户恐惧告警",
            min_priority="high",
            labels="queue=vip",
            headers="authorization: Bearer 0123",
        )
        await page.get_by_role("checkbox", name="alert fires").check()
        await page.get_by_role("button", name="Add", exact=True).click()
        secret = await page.locator("#secret code").inner_text()
        assert secret.startswith("whsec_")
        made = (await hooks(desk))[0]
        assert made["filter"] == {
            "rules": ["angry", "VIP客户恐惧告警"],
            "min_priority": "high",
            "labels": {"queue": "vip"},
            "event_types": ["alert.firing"],
        }
        assert (made["body_format"], made["rate_per_minute"]) == ("alertmanager", 60)
        assert made["headers"] == {"authorization": "***"}
        item = page.locator("#hooks li")
        await expect(item).to_contain_text("high or more urgent · queue = vip · alert fires")
        await expect(item).to_contain_text("Alertmanager")
        await page.get_by_role("button", name="I have it").click()
        await page.reload()
        await expect(item).to_contain_text("crm")
        assert secret not in await page.content()


async def test_what_is_wrong_with_a_wish_is_said_and_nothing_is_lost(desk: Desk) -> None:
    page = await desk.open("/webhooks")
    await fill_form(page, name="crm", url="http://10.0.0.1:22/x", headers="nonsense")
    button = page.get_by_role("button", name="Add", exact=True)
    await button.click()
    await expect(page.locator("#add-problem")).to_contain_text("“nonsense” is no header")
    await page.locator("#add-hook [name=headers]").fill("")
    await button.click()
    await expect(page.locator("#add-problem")).to_contain_text("22")
    await expect(page.locator("#add-hook [name=name]")).to_have_value("crm")
    assert await hooks(desk) == []


async def test_a_test_says_how_it_went_and_is_in_the_log(desk: Desk) -> None:
    async with receiving() as good, receiving(refuse) as bad:
        await subscribe(desk, good, name="good")
        await subscribe(desk, bad, name="bad")
        page = await desk.open("/webhooks")
        for name, answer in (("good", "was delivered (HTTP 204"), ("bad", "not delivered")):
            item = page.locator("#hooks li", has_text=name)
            await item.get_by_role("button", name="Send a test").click()
            await expect(item.locator(".note")).to_contain_text(answer)
        assert good.kinds == bad.kinds == ["test"]
        log = page.locator("#log > li")
        await expect(log).to_have_count(2)
        await page.locator("#log-filters [name=receiver]").select_option(label="good")
        await expect(log).to_have_count(1)
        await expect(log).to_contain_text("delivered")


async def test_a_new_secret_signs_and_needs_to_be_asked_for_twice(desk: Desk) -> None:
    async with receiving() as receiver:
        hook = await subscribe(desk, receiver)
        page = await desk.open("/webhooks")
        rotate = page.get_by_role("button", name="New secret")
        await rotate.click()
        await page.get_by_role("button", name="Sure?").click()
        secret = await page.locator("#secret code").inner_text()
        assert secret not in {SECRET, ""}
        await expect(page.locator("#hooks li")).to_contain_text("Old secret signs until")
        await desk.client.post(f"/v1/webhooks/{hook['id']}/test")
        await wait_until(lambda: bool(receiver.requests))
        Webhook(secret).verify(receiver.requests[0].body, receiver.requests[0].headers)


async def test_one_is_switched_off_and_on_and_removed(desk: Desk) -> None:
    async with receiving() as receiver:
        await subscribe(desk, receiver)
        page = await desk.open("/webhooks")
        item = page.locator("#hooks li")
        await item.get_by_role("button", name="Disable").click()
        await expect(item.locator(".badge")).to_have_text("disabled")
        await expect(item).to_contain_text("switched off")
        await item.get_by_role("button", name="Enable").click()
        await expect(item.locator(".badge")).to_have_text("enabled")
        await item.get_by_role("button", name="Remove").click()
        await item.get_by_role("button", name="Sure?").click()
        await expect(item).to_have_count(0)
        assert await hooks(desk) == []


async def test_what_failed_is_sent_again_one_by_one_and_all_together(desk: Desk) -> None:
    async with receiving(refuse) as receiver:
        await subscribe(desk, receiver)
        await desk.fire("a")
        await wait_until(lambda: bool(receiver.requests))
        hook = (await hooks(desk))[0]
        for enabled in (False, True):  # what waits is given up
            change = {"enabled": enabled}
            await desk.client.patch(f"/v1/webhooks/{hook['id']}", json=change)
        page = await desk.open("/webhooks")
        row = page.locator("#log > li")
        await expect(row).to_contain_text("failed")
        await page.locator("#recover [name=since]").fill("2020-01-01T00:00")
        before = len(receiver.requests)
        await page.get_by_role("button", name="Recover").click()
        await expect(page.locator("#recover-answer")).to_have_text("1 are sent again.")
        await wait_until(lambda: len(receiver.requests) > before)
        await desk.client.post(f"/v1/webhooks/{hook['id']}/test")
        test = page.locator("#log > li", has_text="test")
        await expect(test).to_be_visible(timeout=12_000)
        await test.get_by_role("button", name="Send again").click()
        await wait_until(lambda: receiver.kinds.count("test") > 1)


async def test_the_page_is_chinese_on_request_and_names_are_text(desk: Desk) -> None:
    async with receiving() as receiver:
        await subscribe(desk, receiver, name=EVIL[:100], filter={"labels": {"x": EVIL}})
        page = await desk.open("/webhooks?lang=zh")
        await expect(page.locator("#hooks strong")).to_have_text(EVIL[:100])
        await expect(page.locator("#hooks li")).to_contain_text(EVIL)
        await expect(page.locator("#hooks .badge")).to_have_text("已启用")
        assert await page.locator("main img, main script").count() == 0
