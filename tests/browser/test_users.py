"""Accounts, API keys, the audit log, one's own account, and what each role sees of the pages."""

import re
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.desk import Desk
from tests.browser.site import Site
from tests.support.signed_in import PASSWORD, bearer, sign_in
from tonewatch.console.auth.audit import Deed
from tonewatch.console.auth.sessions import Visitor
from tonewatch.shared.http import create_client

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}}
NEW = "three words together"
VISITOR = Visitor(
    "192.0.2.7", "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"
)


def row(page: Page, name: str) -> Locator:
    return page.locator(f"[data-user={name}]")


async def fill(part: Locator, **fields: str) -> None:
    for name, value in fields.items():
        await part.locator(f"[name={name}]").fill(value)


async def me(site: Site, key: str) -> Any:
    async with create_client(base_url=site.url) as client:
        return await client.get("/api/v1/auth/me", headers=bearer(key))


async def press_twice(part: Locator, name: str) -> None:
    """Press a button that asks once more."""
    await part.get_by_role("button", name=name).click()
    await part.get_by_role("button", name="Sure?").click()


@pytest.mark.parametrize(
    ("language", "add", "save", "role", "once"),
    [
        ("en", "Add an account", "Add and make a link", "quality inspector", "only now"),
        ("zh", "添加账号", "添加并生成链接", "质检员", "仅显示这一次"),
    ],
)
async def test_an_account_is_made_with_a_link_that_is_shown_once(
    site: Site, language: str, add: str, save: str, role: str, once: str
) -> None:
    page = await site.open(f"/users?lang={language}")
    await page.get_by_text(add, exact=True).click()
    form = page.locator("#add-user")
    await fill(form, name="zhao", labels="queue=vip, agent_id=1042")
    await page.get_by_role("button", name=save).click()
    await expect(page.locator("#link")).to_contain_text(once)
    link = await page.locator("#link code").inner_text()
    assert link.startswith(f"{site.url}/welcome#")
    await expect(row(page, "zhao")).to_contain_text(role)
    await expect(row(page, "zhao").locator(".chip")).to_have_count(2)
    await page.reload()
    await expect(row(page, "zhao")).to_be_visible()
    assert link.partition("#")[2] not in await page.content()
    newcomer = await site.visit(link.removeprefix(site.url))
    await fill(newcomer.locator("#welcome"), password=NEW, again=NEW)
    await newcomer.keyboard.press("Enter")
    await expect(newcomer.locator("header .person")).to_contain_text("zhao")
    assert site.errors() == []


async def test_what_is_wrong_with_an_account_is_said_and_nothing_is_lost(site: Site) -> None:
    page = await site.open("/users")
    await page.get_by_text("Add an account", exact=True).click()
    form = page.locator("#add-user")
    await form.locator("[name=role]").select_option("agent")
    await expect(page.locator("#role-hint")).to_contain_text("needs at least one")
    await fill(form, name="zhao", labels="1042")
    await form.get_by_role("button").click()
    await expect(page.locator("#add-user-problem")).to_contain_text("“1042”")
    await fill(form, labels="")
    await form.get_by_role("button").click()
    await expect(page.locator("#add-user-problem")).to_contain_text("an agent sees only")
    await expect(form.locator("[name=name]")).to_have_value("zhao")
    await expect(row(page, "zhao")).to_have_count(0)


async def test_an_account_is_changed_and_removed_but_not_the_last_admin(site: Site) -> None:
    site.people["li"] = await sign_in(site.door, name="li", password=PASSWORD)
    await site.person("zhao", "inspector")
    page = await site.open("/users")
    zhao = row(page, "zhao")
    await zhao.get_by_role("button", name="Change").click()
    await zhao.locator("[name=role]").select_option("supervisor")
    await fill(zhao, labels="queue=vip")
    await zhao.get_by_role("button", name="Save").click()
    await expect(zhao).to_contain_text("supervisor")
    await expect(zhao.locator(".chip")).to_contain_text("vip")
    await press_twice(zhao, "Remove")
    await expect(zhao).to_have_count(0)
    await expect(row(page, "li")).to_contain_text("you")
    await press_twice(row(page, "li"), "Remove")
    await expect(row(page, "li")).to_contain_text("last admin")


async def test_a_key_does_what_it_is_for_is_shown_once_and_revoked(site: Site) -> None:
    page = await site.open("/users")
    await page.get_by_text("Make a key", exact=True).click()
    form = page.locator("#add-key")
    await fill(form, name="crm", labels="queue=vip")
    await form.locator("[name=all]").uncheck()
    await form.get_by_role("button", name="Make").click()
    await expect(page.locator("#add-key-problem")).to_contain_text("at least one")
    await form.locator("[value='live:read']").check()
    await form.get_by_role("button", name="Make").click()
    key = await page.locator("#secret code").inner_text()
    answer = (await me(site, key)).json()
    assert (answer["permissions"], answer["labels"]) == (
        ["live:read", "self:read"],
        {"queue": "vip"},
    )
    item = page.locator("#keys > li")
    await expect(item).to_contain_text("live:read")
    await expect(item).to_contain_text("until")
    await page.get_by_role("button", name="I have it").click()
    await page.reload()
    await expect(item).to_contain_text("last used")
    assert key not in await page.content()
    await press_twice(item, "Revoke")
    await expect(item).to_have_count(0)
    assert (await me(site, key)).status_code == 401


async def test_one_sees_ones_own_keys_only_on_ones_own_page(site: Site) -> None:
    await site.person("zhao", "inspector")
    for name in ("li", "zhao"):
        somebody = await site.person(name)
        async with create_client(base_url=site.url) as client:
            wish = {"name": f"key of {name}"}
            answer = await client.post("/api/v1/keys", json=wish, headers=somebody.headers)
            answer.raise_for_status()
    page = await site.open("/account")
    await expect(page.locator("#keys > li")).to_have_count(1)
    await expect(page.locator("#keys > li")).to_contain_text("key of li")
    page = await site.open("/users")
    await expect(page.locator("#keys > li")).to_have_count(2)


async def test_what_has_happened_is_read_page_by_page(site: Site) -> None:
    for number in range(60):
        await site.door.audit.note_by(Deed("sign-in.failed", f"guess {number}"), "x", "session", "")
    page = await site.open("/users")
    rows = page.locator("#audit tr")
    await expect(rows).to_have_count(50)
    await expect(rows.first).to_contain_text("failed to sign in guess 59")
    await page.get_by_role("button", name="Show more").click()
    await expect(rows).to_have_count(60)
    await expect(page.locator("#audit-more")).to_be_hidden()


async def test_a_new_password_ends_the_other_sessions(site: Site) -> None:
    li = site.people["li"] = await sign_in(site.door, name="li", password=PASSWORD)
    account = await site.door.accounts.get(li.account_id)
    other, _ = await site.door.sessions.open(account, VISITOR)
    page = await site.open("/account")
    sessions = page.locator("#sessions > li")
    await expect(sessions).to_have_count(2)
    await expect(sessions.filter(has_text="Firefox · Windows")).to_contain_text("192.0.2.7")
    form = page.locator("#password")
    await fill(form, current="wrong password", new=NEW, again=NEW)
    await form.get_by_role("button").click()
    await expect(page.locator("#password-problem")).to_contain_text("not your password")
    await fill(form, current=PASSWORD)
    await form.get_by_role("button").click()
    await expect(page.locator("#password-answer")).to_contain_text("is changed")
    await expect(sessions).to_have_count(1)
    await expect(sessions).to_contain_text("this browser")
    assert await site.door.sessions.find(other) is None


async def test_one_signs_out_elsewhere_and_everywhere(site: Site) -> None:
    li = await site.person()
    account = await site.door.accounts.get(li.account_id)
    tokens = [(await site.door.sessions.open(account, VISITOR))[0] for _ in range(2)]
    page = await site.open("/account")
    sessions = page.locator("#sessions > li")
    await expect(sessions).to_have_count(3)
    elsewhere = sessions.filter(has_text="Firefox")
    await press_twice(elsewhere.first, "Sign out")
    await expect(sessions).to_have_count(2)
    await press_twice(page.locator("#sessions-tools"), "Sign out everywhere")
    await expect(page).to_have_url(re.compile("/sign-in"))
    assert [await site.door.sessions.find(token) for token in [*tokens, li.token]] == [None] * 3


LINKS = {
    "admin": [
        *("Live", "Alerts", "History", "Rules", "Sources", "Webhooks", "System", "Users"),
    ],
    "supervisor": ["Live", "Alerts", "History", "Rules", "Sources", "Webhooks", "System"],
    "inspector": ["Live", "Alerts", "History", "Rules", "Sources", "System"],
    "agent": ["Live", "Alerts", "History"],
}


@pytest.mark.parametrize("role", LINKS)
async def test_a_role_sees_the_links_and_parts_it_may_use(site: Site, role: str) -> None:
    labels = {"agent_id": "1042"} if role == "agent" else None
    who = await site.person("zhao", role, labels)
    page = await site.open("/", who=who)
    assert await page.locator("nav.pages a").all_inner_texts() == LINKS[role]
    parts = {"#drop": "agent", "#sources": "agent", "#add-source": "inspector"}
    order = ["admin", "supervisor", "inspector", "agent"]
    for part, first_without in parts.items():
        is_there = order.index(role) < order.index(first_without)
        assert await page.locator(part).count() == is_there, part
    assert site.complaints == []


@pytest.mark.parametrize(
    ("path", "language", "said"),
    [
        ("/users", "en", "Your role (quality inspector) does not see this page."),
        ("/webhooks", "zh", "不能查看此页面"),
    ],
)
async def test_a_page_that_is_not_for_a_role_says_so(
    site: Site, path: str, language: str, said: str
) -> None:
    page = await site.open(f"{path}?lang={language}", who=await site.person("zhao", "inspector"))
    await expect(page.locator("main")).to_contain_text(said)
    await expect(page.locator("nav.pages a")).to_have_count(len(LINKS["inspector"]))


async def test_an_inspector_acts_on_alerts_but_silences_nothing(desk: Desk) -> None:
    await desk.fire("a")
    await desk.wait_for("a")
    who = await desk.site.person("zhao", "inspector")
    page = await desk.site.open("/alerts?open=a", who=who)
    detail = page.locator("#detail")
    await detail.get_by_role("button", name="Acknowledge").click()
    await expect(detail.locator(".timeline")).to_contain_text("zhao")
    await expect(detail.locator("[name=scope]")).to_have_count(0)
    page = await desk.site.open("/rules", who=who)
    await expect(page.locator("[data-rule]")).to_have_count(1)
    await expect(page.locator("#rule-new")).to_be_hidden()
    await expect(page.locator("[data-rule] .tools")).to_have_count(0)


async def test_both_pages_are_usable_on_a_phone_in_chinese(site: Site) -> None:
    for path, heading in (("/users", "审计日志"), ("/account", "登录会话")):
        page = await site.open(f"{path}?lang=zh", **PHONE, color_scheme="dark")
        await expect(page.get_by_role("heading", name=heading)).to_be_visible()
        wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0
    assert site.errors() == []


@pytest.mark.parametrize("path", ["/users", "/account"])
async def test_the_parts_of_a_page_lie_below_each_other(site: Site, path: str) -> None:
    page = await site.open(path, viewport={"width": 1280, "height": 900})
    await expect(page.locator("#zone")).not_to_be_empty()
    lefts = await page.evaluate(
        "[...document.querySelectorAll('main > *:not([hidden])')]"
        ".map((part) => part.getBoundingClientRect().left)"
    )
    assert len(set(lefts)) == 1
