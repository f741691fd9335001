"""The two READMEs say the same, and what they point at exists."""

import re
from pathlib import Path

import pytest

from tests.support.pages import DOCS, ROOT, blocks, chinese, prose

ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
PAIRS = [
    (page, chinese(page))
    for page in (
        ENGLISH,
        # all but alerts.md, whose drawing is in the page's own language
        *sorted(
            page
            for page in DOCS.glob("*.md")
            if chinese(page).exists() and page.name != "alerts.md"
        ),
        *sorted((DOCS / "ways-in").glob("*.md")),
    )
    if not page.stem.endswith(".zh-CN")
]
HEADING = re.compile(r"^(#+) ", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)\)")
NAME = re.compile(r"`([^`\n]+)`")


def code_blocks(page: Path) -> list[tuple[str, str]]:
    """Language and code of each block, comments aside."""
    return [(block.language, block.plain) for block in blocks(page)]


def headings(page: Path) -> list[str]:
    return HEADING.findall(prose(page))


def names(page: Path) -> set[str]:
    """What stands in backticks: commands, settings, states."""
    return set(NAME.findall(prose(page)))


@pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=lambda page: page.name)
def test_both_languages_have_the_same_headings_and_code(english: Path, chinese: Path) -> None:
    assert headings(english) == headings(chinese)
    assert code_blocks(english) == code_blocks(chinese)


@pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=lambda page: page.name)
def test_both_languages_speak_of_the_same_commands_and_settings(
    english: Path, chinese: Path
) -> None:
    assert names(english) ^ names(chinese) == set()


def test_the_quick_start_is_the_same_to_the_letter() -> None:
    assert blocks(ENGLISH) == blocks(CHINESE)


def test_both_readmes_link_to_the_same_places() -> None:
    links = [
        {link.replace(".zh-CN", "") for link in LINK.findall(page.read_text())}
        for page in (ENGLISH, CHINESE)
    ]
    assert {link.replace("-zh.png", "-en.png") for link in links[1]} == links[0]


@pytest.mark.parametrize(
    "page",
    [
        path
        for path in ROOT.rglob("*.md")
        if ".venv" not in path.parts and "node_modules" not in path.parts
    ],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_local_links_lead_somewhere(page: Path) -> None:
    lost = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert lost == []
