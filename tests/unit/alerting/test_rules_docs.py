"""docs/rules.md in both languages: every example loads, every key has one, both pages agree."""

import re
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from tonewatch.alerting.rules import (
    ActiveTime,
    BothLanguages,
    Change,
    Combination,
    EscalationStep,
    NoData,
    NoDataKind,
    Resolve,
    Rule,
    Sequence,
    Share,
    Stage,
    parse_rules,
)
from tonewatch.alerting.rules._messages import FIELDS

DOCS = Path(__file__).parents[3] / "docs"
PAGES = ("rules.md", "rules.zh-CN.md")
MODELS: tuple[type[BaseModel], ...] = (
    Rule,
    Combination,
    Sequence,
    Stage,
    Change,
    NoData,
    Share,
    Resolve,
    ActiveTime,
    BothLanguages,
    EscalationStep,
)


def examples(page: str) -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_every_example_loads(page: str) -> None:
    blocks = examples(page)
    assert len(blocks) >= 24
    for block in blocks:
        assert parse_rules(block.encode(), page).rules


@pytest.mark.parametrize("page", PAGES)
def test_every_key_has_an_example_and_what_the_text_names_is_true(page: str) -> None:
    shown = "\n".join(examples(page))
    for model in MODELS:
        for name, field in model.model_fields.items():
            assert re.search(rf"\b{field.alias or name}:", shown), name
    text = (DOCS / page).read_text()
    for name in FIELDS:
        assert f"`{{{name}}}`" in text
    for kind in NoDataKind:
        assert f"kind: {kind}" in shown


@pytest.mark.parametrize("page", PAGES)
def test_every_key_has_a_section(page: str) -> None:
    titles = " ".join(re.findall(r"^### (.*)$", (DOCS / page).read_text(), re.MULTILINE))
    assert set(Rule.model_fields) <= set(re.findall(r"\w+", titles))


def test_all_examples_together_are_one_file() -> None:
    rules = [rule for block in examples(PAGES[0]) for rule in yaml.safe_load(block)["rules"]]
    assert parse_rules(yaml.safe_dump({"rules": rules}).encode(), "all.yaml").rules


def test_both_pages_have_the_same_sections_and_examples() -> None:
    def outline(page: str) -> list[str]:
        return re.findall(r"^(#+) ", (DOCS / page).read_text(), re.MULTILINE)

    english, chinese = PAGES
    assert outline(english) == outline(chinese)
    assert examples(english) == examples(chinese)
