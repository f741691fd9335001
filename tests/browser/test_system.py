"""The page of the system: every service with its checks, figures, streams, and the bundle."""

import io
import zipfile
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.site import Site, opened_site
from tests.support.fake_suite import FakeSuite
from tests.support.messages import make_score
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.streams import SCORES

NAMES = {
    "en": ["Console", "Ingest", "Inference", "Alerting", "Storage"],
    "zh": ["控制台", "接入", "推理", "告警", "存储"],
}


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_every_service_is_shown_with_its_checks_and_its_version(
    site: Site, language: str
) -> None:
    page = await site.open(f"/system?lang={language}")
    services = page.locator("#services > li")
    await expect(services.locator("strong")).to_have_text(NAMES[language])
    for service in await services.all():
        await expect(service).to_contain_text("redis answers")
        await expect(service).to_contain_text("0.1.0")
    device = {"en": "Device", "zh": "设备"}[language]
    await expect(page.locator("#figures .figure", has_text=device)).to_contain_text("cpu")
    assert site.complaints == []


async def test_who_lags_behind_on_a_stream_is_seen(site: Site, broker: RedisBroker) -> None:
    await broker.publish([Outgoing(SCORES, make_score(0, "angry", 0.9))])
    page = await site.open("/system")
    row = page.locator("#streams tr", has_text="scores").filter(has_text="Storage")
    await expect(row.locator("td").nth(3)).to_contain_text(" s")
    idle = page.locator("#streams tr", has_text="frames")
    await expect(idle.locator("td").nth(3)).to_have_text("nothing waits")


async def test_a_service_that_is_down_is_named_and_the_rest_is_shown(
    suite: FakeSuite, broker: RedisBroker, browser: Browser, tmp_path: Path
) -> None:
    nobody = {"storage_url": "http://127.0.0.1:9"}
    async with opened_site(suite, broker, browser, tmp_path, **nobody) as site:
        page = await site.open("/system")
        storage = page.locator("#services > li", has_text="Storage")
        await expect(storage.locator(".badge")).to_have_text("down")
        await expect(storage.locator(".bad")).to_contain_text("no answer")
        await expect(page.locator("#services .badge.ready")).to_have_count(4)
        await expect(page.locator("#figures .figure")).not_to_have_count(0)


async def test_the_bundle_is_downloaded_from_the_page(site: Site, tmp_path: Path) -> None:
    page = await site.open("/system")
    async with page.expect_download() as started:
        await page.get_by_role("link", name="Support bundle").click()
    download = await started.value
    assert download.suggested_filename.startswith("tonewatch-support-2")
    await download.save_as(tmp_path / "bundle.zip")
    with zipfile.ZipFile(io.BytesIO((tmp_path / "bundle.zip").read_bytes())) as archive:
        names = {name.removeprefix("tonewatch-support/") for name in archive.namelist()}
    assert {"README.txt", "checks.json", "versions.json", "settings/ingest.json"} <= names


async def test_a_phone_shows_the_system_without_scrolling_sideways(site: Site) -> None:
    page = await site.open("/system?lang=zh", viewport={"width": 390, "height": 800})
    await expect(page.locator("#services > li")).to_have_count(5)
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
