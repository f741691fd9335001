"""Signing in and out, one-time links, and a session that ends while a page is open."""

import re
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.desk import EVIL, Desk
from tests.browser.site import Site, opened_site
from tests.support.fake_suite import FakeSuite
from tests.support.oidc_provider import fake_provider
from tests.support.signed_in import PASSWORD, sign_in
from tonewatch.console.auth.limiter import FREE_ATTEMPTS, Limiter
from tonewatch.shared.broker import MemoryBroker
from tonewatch.shared.http import create_client

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}}
NEW = "three words together"


async def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        await page.locator(f"[name={name}]").fill(value)
    await expect(page.locator("main button[type=submit]")).to_be_enabled()  # the scripts are there


async def account(site: Site, name: str = "li", role: str = "admin") -> None:
    site.people[name] = await sign_in(site.door, role, name=name, password=PASSWORD)


async def end_session(site: Site, name: str = "li") -> None:
    somebody = site.people[name]
    found = await site.door.sessions.find(somebody.token)
    assert found is not None
    await site.door.sessions.end(found, somebody.session_id)


async def overflow(page: Page) -> int:
    return int(await page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@pytest.mark.parametrize(
    ("language", "button", "wrong", "out"),
    [
        ("en", "Sign in", "Name or password is wrong.", "Sign out"),
        ("zh", "登录", "用户名或密码错误。", "退出"),
    ],
)
async def test_one_is_asked_who_one_is_and_comes_back_to_where_one_wanted(
    site: Site, language: str, button: str, wrong: str, out: str
) -> None:
    await account(site)
    page = await site.visit(f"/history?what=words&lang={language}")
    await expect(page).to_have_url(re.compile(r"/sign-in\?next=%2Fhistory%3Fwhat%3Dwords"))
    await page.locator(".languages a", has_text={"en": "English", "zh": "中文"}[language]).click()
    await expect(page.locator("[name=name]")).to_be_focused()
    await fill(page, name="li", password="not the password")
    await page.get_by_role("button", name=button, exact=True).click()
    await expect(page.locator("#sign-in-problem")).to_have_text(wrong)
    await expect(page.locator("[name=name]")).to_have_value("li")
    await fill(page, password=PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"/history\?what=words"))
    await expect(page.locator("header .person")).to_contain_text("li")
    await page.locator("#system li").first.wait_for()  # the scripts are at work
    await page.get_by_role("button", name=out, exact=True).click()
    await expect(page).to_have_url(site.url + "/sign-in")
    await page.go_back()  # nothing of the page is kept
    await expect(page.locator("#sign-in")).to_be_visible()
    assert site.errors() == []


# sends the form as the browser itself would; answers what of the policy was in the way
SUBMITTED = """form => new Promise(answer => {
  document.addEventListener("securitypolicyviolation", event => answer(event.effectiveDirective));
  form.submit();
})"""


@pytest.mark.parametrize("path", ["/sign-in", "/account"])
async def test_a_password_is_in_no_address_however_early_it_is_sent(site: Site, path: str) -> None:
    await account(site)
    somebody = site.people["li"] if path == "/account" else None
    state = somebody.storage_state(site.url) if somebody else None
    page = await site.visit("/welcome", storage_state=state)
    await page.route("**/static/js/*", lambda route: route.abort())  # they never come
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(site.url + path)
    for field in await page.locator("main input[type=password]").all():
        await field.fill(PASSWORD)
    await page.keyboard.press("Enter")
    assert await page.locator("main form").first.evaluate(SUBMITTED) == "form-action"
    assert [url for url in asked if "password" in url or PASSWORD.split()[0] in url] == []


async def test_too_many_attempts_wait_and_the_wait_is_shown(site: Site) -> None:
    await account(site)
    site.door.limiter = Limiter(clock=lambda: 0.0)  # no time passes, however slow the machine is
    async with create_client(base_url=site.url) as guesser:
        for _ in range(FREE_ATTEMPTS):
            wish = {"name": "li", "password": "not the password"}
            await guesser.post("/api/v1/auth/sign-in", json=wish)
    page = await site.visit("/sign-in")
    await page.clock.install()
    await page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
    await fill(page, name="li", password=PASSWORD)
    button = page.locator("#sign-in button")
    problem = page.locator("#sign-in-problem")
    await button.click()
    await expect(problem).to_have_text("Too many attempts. Try again in 2 s.")
    await expect(button).to_be_disabled()
    await page.clock.run_for(1_000)
    await expect(problem).to_have_text("Too many attempts. Try again in 1 s.")
    await page.clock.run_for(1_500)
    await expect(button).to_be_enabled()
    await expect(problem).to_be_hidden()


async def test_the_way_back_never_leads_to_another_site(site: Site) -> None:
    await account(site)
    page = await site.visit("/sign-in?next=//evil.example/")
    await fill(page, name="li", password=PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.locator("header .person")).to_contain_text("li")
    assert page.url == f"{site.url}/"


@pytest.mark.parametrize(
    ("language", "unlike", "again", "spent"),
    [
        ("en", "not the same", "Once more", "does not work any more"),
        ("zh", "两次输入的密码不一致", "再次输入", "此链接已失效"),
    ],
)
async def test_the_first_admin_comes_in_by_the_link_which_works_once(
    site: Site, tmp_path: Path, language: str, unlike: str, again: str, spent: str
) -> None:
    link = (tmp_path / "console" / "first-sign-in").read_text().strip()
    path = "/welcome#" + link.partition("#")[2]
    page = await site.visit(path, **PHONE, color_scheme="dark")
    await expect(page.locator("#welcome")).to_be_visible()
    assert "#" not in page.url  # nobody reads it over a shoulder
    await page.locator(f".languages a[hreflang={language}]").click()
    await fill(page, name="王芳", password=NEW)
    await page.get_by_label(again).fill("three words alone")
    await page.keyboard.press("Enter")
    await expect(page.locator("#welcome-problem")).to_contain_text(unlike)
    assert await overflow(page) <= 0
    await page.get_by_label(again).fill(NEW)
    await page.keyboard.press("Enter")
    await expect(page.locator("header .person")).to_contain_text("王芳")
    await page.goto(site.url + path)
    await expect(page.locator("#welcome-none")).to_contain_text(spent)
    await expect(page.locator("#welcome")).to_be_hidden()
    assert site.errors() == []


async def test_the_link_of_an_account_asks_for_no_name(site: Site) -> None:
    made = await site.person("zhao", "inspector")
    link = await site.door.links.make(made.account_id)
    page = await site.visit(link.path)
    await expect(page.locator("[name=name]")).to_have_value("zhao")
    await expect(page.locator("[name=name]")).not_to_be_editable()
    await expect(page.locator("[name=password]")).to_be_focused()
    await fill(page, password=NEW, again=NEW)
    await page.get_by_role("button", name="Go").click()
    await expect(page.locator("header .person")).to_contain_text("zhao")


async def test_without_a_link_the_page_says_what_it_needs(site: Site) -> None:
    page = await site.visit("/welcome")
    await expect(page.locator("#welcome-none")).to_contain_text("one-time link")


@pytest.mark.parametrize(
    ("language", "ended"), [("en", "Your session has ended."), ("zh", "您的登录已过期。")]
)
async def test_a_session_that_ends_loses_nothing_that_was_typed(
    desk: Desk, language: str, ended: str
) -> None:
    site = desk.site
    await account(site)
    await desk.fire("a")
    await desk.wait_for("a")
    page = await desk.open(f"/alerts?open=a&lang={language}")
    field = page.locator("#detail [name=text]")
    await field.fill("called back at noon")
    await end_session(site)
    await page.locator("#detail form", has=page.locator("[name=text]")).locator("button").click()
    bar = page.locator("#signed-out")
    await expect(bar).to_contain_text(ended)
    await expect(field).to_have_value("called back at noon")
    async with page.context.expect_page() as opened:
        await bar.get_by_role("link").click()
    door = await opened.value
    await expect(door).to_have_url(re.compile("next=%2Falerts%3F"))
    await fill(door, name="li", password=PASSWORD)
    await door.keyboard.press("Enter")
    await expect(door.locator("header .person")).to_contain_text("li")
    await door.close()
    await page.evaluate("dispatchEvent(new Event('focus'))")  # one tab goes, the other is looked at
    await expect(bar).to_be_hidden()
    await page.locator("#detail form", has=page.locator("[name=text]")).locator("button").click()
    await expect(page.locator("#detail .timeline")).to_contain_text("called back at noon")


async def test_on_the_live_page_an_ended_session_is_said_by_itself(site: Site) -> None:
    await account(site)
    page = await site.open(who=site.people["li"])
    await end_session(site)
    await expect(page.locator("#signed-out")).to_contain_text("ended", timeout=15_000)
    # the strip of services does not claim that the console is away
    await expect(page.locator("#system")).not_to_contain_text("does not answer")
    assert site.errors() == []


async def test_if_somebody_else_signs_in_meanwhile_the_page_says_whose_it_is_not(
    site: Site,
) -> None:
    await account(site)
    page = await site.open("/history", who=site.people["li"])
    await end_session(site)
    await expect(page.locator("#signed-out")).to_contain_text("ended", timeout=15_000)
    other = await site.person("wang")
    await page.context.add_cookies(other.storage_state(site.url)["cookies"])
    await page.evaluate("dispatchEvent(new Event('focus'))")
    await expect(page.locator("#signed-out")).to_contain_text("wang is signed in now.")


async def test_a_name_is_text_never_markup(site: Site) -> None:
    page = await site.open("/account", who=await site.person(EVIL[:60]))
    await expect(page.locator("header .person a")).to_have_text(EVIL[:60])
    await expect(page.locator("#who-am-i")).to_contain_text(EVIL[:60])
    assert await page.locator("main img, main script").count() == 0


@pytest.mark.parametrize(
    ("language", "button"), [("en", "Sign in with Example"), ("zh", "使用 Example 登录")]
)
async def test_one_signs_in_at_the_provider_and_comes_back(
    suite: FakeSuite,
    browser: Browser,
    free_port: Callable[[], int],
    tmp_path: Path,
    language: str,
    button: str,
) -> None:
    port = free_port()
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(fake_provider())
        provider.claims |= {"preferred_username": "王芳", "groups": ["qa"]}
        options: dict[str, Any] = {"oidc": provider.console_options(display_name="Example")}
        options["public_url"] = f"http://127.0.0.1:{port}"
        broker = MemoryBroker(partitions=1)
        site = await stack.enter_async_context(
            opened_site(suite, broker, browser, tmp_path, port=port, **options)
        )
        page = await site.visit("/account", locale=language)
        await page.get_by_role("link", name=button).click()
        await expect(page).to_have_url(f"{site.url}/account")
        await expect(page.locator("header .person")).to_contain_text("王芳")
        await expect(page.locator("#sessions > li")).to_have_count(1)
        await expect(page.locator("#password")).to_have_count(0)  # it is kept elsewhere
        await page.locator("#sign-out").click()
        provider.claims["groups"] = []
        await page.get_by_role("link", name=button).click()
        await expect(page.locator("#sign-in-problem")).not_to_be_empty()
        await page.context.close()
        assert site.errors() == []
