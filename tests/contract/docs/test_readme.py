"""The two READMEs say the same, and what they point at exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
PAIRS = [
    (ENGLISH, CHINESE),
    (ROOT / "docs" / "rules.md", ROOT / "docs" / "rules.zh-CN.md"),
    (ROOT / "docs" / "scaling.md", ROOT / "docs" / "scaling.zh-CN.md"),
    (ROOT / "docs" / "model-card.md", ROOT / "docs" / "model-card.zh-CN.md"),
    *(
        (page, page.with_name(f"{page.stem}.zh-CN.md"))
        for page in sorted((ROOT / "docs" / "ways-in").glob("*.md"))
        if not page.stem.endswith(".zh-CN")
    ),
]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) ", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)\)")
EXAMPLE_TEXT = re.compile(r"(#.*|\"[^\"]*\"|'[^']*')")


def code_blocks(page: Path) -> list[tuple[str, str]]:
    """Language and code of each block, without comments and quotes, which may be translated."""
    return [(kind, EXAMPLE_TEXT.sub("", code)) for kind, code in BLOCK.findall(page.read_text())]


def headings(page: Path) -> list[str]:
    return HEADING.findall(BLOCK.sub("", page.read_text()))


@pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=lambda page: page.name)
def test_both_languages_have_the_same_headings_and_code(english: Path, chinese: Path) -> None:
    assert headings(english) == headings(chinese)
    assert code_blocks(english) == code_blocks(chinese)


def test_the_quick_start_is_the_same_to_the_letter() -> None:
    assert BLOCK.findall(ENGLISH.read_text()) == BLOCK.findall(CHINESE.read_text())


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
