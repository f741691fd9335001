"""Signing up, and asking somebody else in."""

from collections.abc import Mapping
from typing import Final

from playwright.async_api import Page, expect

from tests.e2e.day.supervisor import Supervisor

PASSWORD: Final = "three words together"


async def sign_up(page: Page, link: str, name: str, words: Mapping[str, str]) -> None:
    """By a link that is good for once: the first admin's, or one's own."""
    await page.goto(link)
    await expect(page.locator("#welcome")).to_be_visible()  # it knows by now whose link it is
    field = page.locator("[name=name]")
    if await field.is_editable():
        await field.fill(name)
    for each in ("password", "again"):
        await page.locator(f"[name={each}]").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.locator("header .person")).to_contain_text(name)
    await expect(page.locator("nav.pages")).to_contain_text(words["nav.alerts"])


async def ask_an_inspector_in(day: Supervisor, newcomer: Page) -> None:
    """Who may look at the calls of one queue, and set nothing up."""
    await day.go("/users")
    await day.open_part(day.page.locator("#user-part"), "users.add")
    form = day.page.locator("#add-user")
    await form.locator("[name=name]").fill("zhao")
    await form.locator("[name=labels]").fill("queue=nobody")
    await day.button(form, "users.save").click()
    link = await day.page.locator("#link code").inner_text()
    await expect(day.page.locator("#users > li")).to_have_count(2)
    await sign_up(newcomer, link, "zhao", day.words)
    await expect(newcomer.locator("#live-empty")).to_be_visible()
    await newcomer.goto(f"{day.origin}/alerts")
    await expect(newcomer.locator("#inbox-empty")).to_be_visible()
    await expect(newcomer.locator("nav.pages")).not_to_contain_text(day.words["nav.users"])
    answer = await newcomer.goto(f"{day.origin}/users")
    assert answer is not None
    assert answer.status == 403
