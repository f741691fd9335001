"""Sources, webhooks, the log of deliveries, and the state of the whole."""

import zipfile

from playwright.async_api import Locator, expect

from tests.e2e.day.supervisor import PATIENCE_MS, Supervisor


async def add_a_source(day: Supervisor) -> None:
    """An encoder's, whose key is shown once."""
    page = day.page
    form = await _new(day, "/sources", "#add-source", "desk 4")
    await form.locator("[name=kind]").select_option("rtmp")
    await form.get_by_role("button").click()
    await expect(page.locator("#add-answer dd code").first).to_contain_text("rtmp://")
    await expect(page.locator("#sources > li", has_text="desk 4")).to_be_visible()


async def add_a_webhook(day: Supervisor) -> None:
    """Whose secret is shown once."""
    page = day.page
    form = await _new(day, "/webhooks", "#add-hook", "floor")
    await form.locator("[name=url]").fill("https://floor.example/hook")
    await form.get_by_role("button").click()
    await expect(page.locator("#secret")).to_contain_text("whsec_")
    await expect(page.locator("#hooks > li", has_text="floor")).to_be_visible()


async def send_it_again(day: Supervisor) -> None:
    """What a receiver had been told."""
    await day.go("/webhooks")
    log = day.page.locator("#log > li", has=day.button(day.page, "delivery.resend"))
    row = log.last
    delivery = await row.get_attribute("data-delivery")
    row = day.page.locator(f"#log > li[data-delivery='{delivery}']")
    await day.open_part(row, "delivery.attempts")
    attempts = row.locator("tbody > tr")
    await expect(attempts).to_have_count(1)
    await day.button(row, "delivery.resend").click()
    await expect(row.locator("details[open]")).to_be_visible()
    await expect(attempts).to_have_count(2, timeout=PATIENCE_MS)


async def take_the_bundle(day: Supervisor) -> None:
    """What support wants to see."""
    await day.go("/system")
    await expect(day.page.locator("#services > li")).to_have_count(5, timeout=PATIENCE_MS)
    async with day.page.expect_download() as download:
        await day.page.locator("#bundle").click()
    bundle = day.folder / "bundle.zip"
    await (await download.value).save_as(bundle)
    assert zipfile.ZipFile(bundle).namelist()


async def _new(day: Supervisor, path: str, form: str, name: str) -> Locator:
    """The folded form of a page, open and with a name in it."""
    await day.go(path)
    await day.page.locator(f"details:has({form}) > summary").click()
    found = day.page.locator(form)
    await found.locator("[name=name]").fill(name)
    return found
