"""The page as it is sent: languages, files, headers, and no trust in names."""

import re
from pathlib import Path

import pytest

from tests.integration.console.conftest import Console, opened_console
from tests.support.fake_suite import FakeSuite
from tonewatch.console import samples
from tonewatch.shared.broker import MemoryBroker


async def test_the_page_is_in_the_language_of_the_browser_until_one_is_chosen(
    console: Console,
) -> None:
    browser = {"Accept-Language": "zh-CN"}
    chinese = (await console.client.get("/", headers=browser)).text
    assert '<html lang="zh-CN"' in chinese
    assert "实时通话" in chinese
    chosen = await console.client.get("/?lang=en", headers=browser)
    assert "Live calls" in chosen.text
    assert "samesite=lax" in chosen.headers["set-cookie"].lower()
    again = await console.client.get("/", headers=browser)  # the client keeps the cookie
    assert "Live calls" in again.text


PAGES = [
    *("/", "/alerts", "/history", "/calls/call-1", "/rules", "/sources", "/webhooks", "/system"),
    *("/account", "/users"),
]
OPEN_PAGES = ["/sign-in", "/welcome"]


@pytest.mark.parametrize(("path", "section"), [*zip(PAGES, PAGES, strict=True)])
async def test_every_page_has_the_links_to_all_and_marks_its_own(
    console: Console, path: str, section: str
) -> None:
    section = "/history" if section.startswith("/calls") else section
    for language, live in (("en", "Live"), ("zh", "实时")):
        answer = await console.client.get(f"{path}?lang={language}")
        assert f'<a href="/"{" aria-current=" if section == "/" else ">"}' in answer.text
        assert f"{live}</a>" in answer.text
        assert re.findall(r'<a href="([^"]+)" aria-current="page"', answer.text) == [section]
        assert answer.headers["vary"] == "Accept-Language, Cookie"


async def test_the_address_of_a_call_is_never_markup(console: Console) -> None:
    answer = await console.client.get("/calls/%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize("path", [*PAGES, *OPEN_PAGES])
async def test_no_page_has_inline_script_style_or_foreign_address(
    console: Console, path: str
) -> None:
    client = console.stranger if path in OPEN_PAGES else console.client
    page = (await client.get(path)).text
    assert "<main" in page
    for attributes, body in re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL):
        assert 'type="application/json"' in attributes or not body.strip()
    assert "<style" not in page
    assert not re.search(r'\s(style|on\w+)="', page)
    assert not re.search(r'(src|href)="(https?:)?//', page)


@pytest.mark.parametrize("path", [*PAGES, *OPEN_PAGES])
async def test_every_file_that_a_page_and_its_modules_name_is_served(
    console: Console, path: str
) -> None:
    client = console.stranger if path in OPEN_PAGES else console.client
    page = (await client.get(path)).text
    waiting = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page))
    names: set[str] = set()
    while waiting:
        name = waiting.pop()
        names.add(name)
        if name.endswith(".js"):
            text = (await client.get(name)).text
            found = re.findall(r'from "(\./|\.\./)([^"]+)"', text)
            folders = {"./": "/static/js/", "../": "/static/"}
            waiting |= {folders[up] + module for up, module in found} - names
    assert len(names) > 5
    for name in sorted(names):
        answer = await client.get(name)
        assert answer.status_code == 200, name
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-cache"
        unchanged = {"If-None-Match": answer.headers["etag"]}
        assert (await client.get(name, headers=unchanged)).status_code == 304


async def test_no_other_file_is_served(console: Console) -> None:
    for path in (
        "/static/../settings.py",
        "/static/%2e%2e/service.py",
        "/samples/../pyproject.flac",
        "/docs",  # FastAPI's own pages load scripts from elsewhere
        "/redoc",
    ):
        address = console.client.base_url.copy_with(raw_path=path.encode())
        assert (await console.client.get(address)).status_code == 404, path


async def test_samples_are_offered_and_their_names_are_text(
    suite: FakeSuite,
    memory_broker: MemoryBroker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "angry_call.flac").write_bytes(b"fLaC")
    (tmp_path / '"><script>alert(1)<!--.flac').write_bytes(b"fLaC")
    monkeypatch.setattr(samples, "FOLDERS", (tmp_path,))
    async with opened_console(suite, memory_broker, tmp_path) as console:
        client = console.client
        page = (await client.get("/")).text
        assert "angry call</button>" in page
        assert "<script>alert" not in page
        assert (await client.get("/samples/angry_call.flac")).content == b"fLaC"
        assert (await client.get("/samples/other.flac")).status_code == 404
