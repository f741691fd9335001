"""docs/alerts.md in both languages: examples load, settings and states stand there, both agree."""

import re
from pathlib import Path

import pytest
import yaml

from tonewatch.alerting.notices.listing import AlertQuery, Telling
from tonewatch.alerting.notices.model import AlertVerdict, HoldReason
from tonewatch.alerting.rules import parse_rules
from tonewatch.alerting.settings import AlertingSettings, CapOptions, NoticeOptions

DOCS = Path(__file__).parents[4] / "docs"
PAGES = ("alerts.md", "alerts.zh-CN.md")


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_every_example_loads(page: str) -> None:
    examples = blocks(page, "yaml")
    assert len(examples) == 6
    for text in examples:
        if text.startswith("rules:"):
            assert parse_rules(text.encode(), page).rules
        else:
            AlertingSettings(**yaml.safe_load(text))


@pytest.mark.parametrize("page", PAGES)
def test_every_setting_stands_there_with_its_default(page: str) -> None:
    rows = dict(re.findall(r"^\| `([\w.]+)` \| (.+?) \|", (DOCS / page).read_text(), re.MULTILINE))
    fields = {
        **{name: field for name, field in NoticeOptions.model_fields.items() if name != "caps"},
        **{f"caps.{name}": field for name, field in CapOptions.model_fields.items()},
    }
    for name, field in fields.items():
        default = yaml.safe_load(rows[name].strip("`"))
        assert (None if default == "none" else default) == field.default, name


@pytest.mark.parametrize("page", PAGES)
def test_every_state_reason_verdict_and_parameter_is_named(page: str) -> None:
    text = (DOCS / page).read_text()
    parameters = {field.alias or name for name, field in AlertQuery.model_fields.items()}
    for name in (*Telling, *HoldReason, *AlertVerdict, *parameters):
        assert f"`{name}`" in text, name


def test_both_pages_have_the_same_sections_and_examples() -> None:
    def outline(page: str) -> list[str]:
        return re.findall(r"^(#+) ", (DOCS / page).read_text(), re.MULTILINE)

    english, chinese = PAGES
    assert outline(english) == outline(chinese)
    for kind in ("yaml", "http"):
        assert blocks(english, kind) == blocks(chinese, kind)
