"""The pages of the documentation, cut up so that tests can run what they tell people to do."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
ENDLESS: Final = "curl -sN"
"""Commands that go on until somebody stops them."""

_BLOCK: Final = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_COMMENT: Final = re.compile(r"(^|\s+)#.*$", re.MULTILINE)
_SETTING: Final = re.compile(r"^([A-Z][A-Z0-9_]*)=(.*)$")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code and its language."""

    language: str
    code: str

    @property
    def plain(self) -> str:
        """The code without its comments, which may be translated."""
        return _COMMENT.sub("", self.code)


def chinese(page: Path) -> Path:
    """The same page in Chinese."""
    return page.with_name(f"{page.stem}.zh-CN.md")


def both(name: str) -> pytest.MarkDecorator:
    """Run a test on the `page` of this name under docs/, in either language."""
    page = DOCS / name
    return pytest.mark.parametrize("page", [page, chinese(page)], ids=lambda path: path.name)


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return _BLOCK.sub("", page.read_text(encoding="utf-8"))


def blocks(page: Path, language: str | None = None) -> list[Block]:
    """The blocks of code of a page, those of one language if it is named."""
    found = [Block(*each) for each in _BLOCK.findall(page.read_text(encoding="utf-8"))]
    return [each for each in found if language in (None, each.language)]


def code(page: Path, language: str, containing: str = "") -> str:
    """The only block of a language that contains a text."""
    (found,) = (each.code for each in blocks(page, language) if containing in each.code)
    return found


def commands(page: Path) -> list[str]:
    """The commands of a page that come to an end, one by one."""
    return [each for each in _lines(page) if not each.startswith(ENDLESS)]


def endless_commands(page: Path) -> list[str]:
    """The commands of a page that go on until somebody stops them."""
    return [each for each in _lines(page) if each.startswith(ENDLESS)]


def assignments(page: Path) -> Mapping[str, str]:
    """The variables that a page tells people to put into the environment or into .env."""
    lines = (line for each in blocks(page, "bash") for line in each.code.splitlines())
    return {found[1]: found[2] for line in lines if (found := _SETTING.match(line))}


def _lines(page: Path) -> Iterator[str]:
    for each in blocks(page, "bash"):
        yield from (line for line in _joined(each.plain) if line and not _SETTING.match(line))


def _joined(block: str) -> Iterator[str]:
    """The lines of a block, those that go on put together."""
    whole = ""
    for line in block.replace("\\\n", " ").splitlines():
        whole = f"{whole}\n{line}" if whole else line
        if whole.count("'") % 2 == 0:
            yield whole
            whole = ""
