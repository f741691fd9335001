"""Every request that the documentation shows goes to the public API, and is one of its requests."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.support.forwarded import forwarded
from tests.support.pages import DOCS, ROOT, blocks
from tonewatch.console.forward import RESOURCES

PAGES: Final = [
    ROOT / "README.md",
    ROOT / "README.zh-CN.md",
    ROOT / "SECURITY.md",
    ROOT / "deploy" / "README.md",
    *sorted(page for page in DOCS.rglob("*.md") if page.name != "architecture.md"),
]
DOORS: Final = "/v1/ws/"
CURL: Final = re.compile(r"^curl\b.*?(?:(?<!\\)\n(?![ }])|\Z)", re.MULTILINE | re.DOTALL)
URL: Final = re.compile(r"http://localhost:7860(/api/v1/[^\s'\"]*)")
METHOD: Final = re.compile(r"-X (\w+)")
MENTION: Final = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) (/[^\s`?]*)")
INNER: Final = re.compile(r"(?:localhost|127\.0\.0\.1):808[0-3]|(?<!/api)/v1/(?!ws/)")
OWN: Final = ("auth", "users", "keys", "system", "live", "events", "openapi.json")
"""Of the console itself."""


def commands(page: Path) -> list[str]:
    """Every request of the page's shell blocks, with its continued lines."""
    shell = [each.code for each in blocks(page) if each.language in {"bash", "sh"}]
    return [found for code in shell for found in CURL.findall(code)]


def is_public(method: str, address: str) -> bool:
    name = address.removeprefix("/api/v1/").partition("/")[0].partition("?")[0]
    return name in OWN or (name in RESOURCES and bool(forwarded(method, address)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_requests_go_to_the_console_with_a_key(page: Path) -> None:
    for command in commands(page):
        found = URL.search(command)
        assert found, command
        assert '-H "Authorization: Bearer $TONEWATCH_KEY"' in command
        sends = re.search(r" -(?:d|F) ", command) is not None
        method = METHOD.search(command)
        assert is_public(method[1] if method else "POST" if sends else "GET", found[1]), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_inner_address_is_named_but_those_of_doors(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    inner = [line for line in text.splitlines() if INNER.search(line)]
    # what a proxy in front of a door passes on to
    assert [line for line in inner if "proxy_pass" not in line] == []
    for method, address in MENTION.findall(text):
        if address.startswith("/api/"):
            assert is_public(method, address), (method, address)


def test_requests_are_found() -> None:
    found = {str(page.relative_to(ROOT)): len(commands(page)) for page in PAGES}
    counts = {"README": 5, "docs/queries": 18, "docs/rules": 1, "docs/webhooks": 3}
    counts |= {"docs/storage": 4, "docs/ways-in/rtmp": 4}
    for name, count in counts.items():
        assert found[f"{name}.md"] == found[f"{name}.zh-CN.md"] == count, name
