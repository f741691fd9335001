"""docs/rules.md in both languages: every example loads, every key has one, both pages agree."""

import re
from pathlib import Path

import pytest

from tonewatch.alerting.rules import Combination, Rule, parse_rules

DOCS = Path(__file__).parents[3] / "docs"
PAGES = ("rules.md", "rules.zh-CN.md")


def examples(page: str) -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_every_example_loads(page: str) -> None:
    blocks = examples(page)
    assert len(blocks) >= 9
    for block in blocks:
        assert parse_rules(block.encode(), page).rules


@pytest.mark.parametrize("page", PAGES)
def test_every_key_has_an_example(page: str) -> None:
    shown = "\n".join(examples(page))
    for key in (*Rule.model_fields, *Combination.model_fields):
        assert re.search(rf"\b{key}:", shown), key


def test_both_pages_have_the_same_sections_and_examples() -> None:
    def outline(page: str) -> list[str]:
        return re.findall(r"^(#+) ", (DOCS / page).read_text(), re.MULTILINE)

    english, chinese = PAGES
    assert outline(english) == outline(chinese)
    assert examples(english) == examples(chinese)
