"""The settings that the pages of the ways in and of replicas name exist, with those defaults."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from pydantic import BaseModel

from tests.support.pages import DOCS, blocks, prose
from tonewatch.alerting.settings import AlertingSettings
from tonewatch.console.settings import ConsoleSettings
from tonewatch.inference.settings import InferenceSettings
from tonewatch.ingest.settings import IngestSettings
from tonewatch.storage.settings import StorageSettings

SETTINGS: Final = (
    AlertingSettings, ConsoleSettings, InferenceSettings, IngestSettings, StorageSettings,
)  # fmt: skip
PAGES: Final = sorted([*DOCS.glob("ways-in/*.md"), *DOCS.glob("scaling*.md")])
UNITS: Final = {
    "": 1, "s": 1, "秒": 1, "min": 60, "分钟": 60, "h": 3600, "小时": 3600, "MB": 2**20,
}  # fmt: skip
NONE: Final = {"none", "无"}
DEFAULT: Final = {"default", "默认", "默认值"}
QUANTITY: Final = re.compile(r"([\d.]+) ?(\D*)")
KEY: Final = "TONEWATCH_KEY"
"""Not a setting: the reader's API key."""
MENTION: Final = re.compile(r"\bTONEWATCH_\w*[A-Z]\b|\bingest\.(?!py\b)[a-z_]+")


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting of a model by its path, with its default."""
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            yield from leaves(type(default), f"{prefix}{name}.")
        yield f"{prefix}{name}", default


KNOWN: Final[Mapping[str, Any]] = {
    name: default for settings in SETTINGS for name, default in leaves(settings)
}


def path_of(mention: str) -> str:
    """A setting as a path, whether it is written for the environment or for the file."""
    return mention.removeprefix("TONEWATCH_").replace("__", ".").lower()


def defaults(page: Path) -> Iterator[tuple[str, str]]:
    """The settings of a page's tables, each with what stands in the column of defaults."""
    column = None
    for line in prose(page).splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells:
            column = None
        elif column is None:
            column = next((n for n, cell in enumerate(cells) if cell in DEFAULT), 0)
        elif column and (name := re.fullmatch(r"`([\w.]+)`", cells[column - 1])):
            yield name.group(1), cells[column]


def meant(text: str) -> Any:
    """The value that a cell shows; None where it shows none or says it in a sentence."""
    text = text.strip("`")
    if text in NONE:
        return None
    if quantity := QUANTITY.fullmatch(text):
        return float(quantity[1]) * UNITS[quantity[2]]
    try:
        return json.loads(text)
    except ValueError:
        return None


def plain(value: Any) -> Any:
    """A default as JSON would write it."""
    return list(value) if isinstance(value, tuple | frozenset) else value


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_that_is_named_exists(page: Path) -> None:
    found = MENTION.findall(page.read_text(encoding="utf-8"))
    assert {each for each in found if path_of(each) not in KNOWN} <= {KEY}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tables_show_the_real_defaults(page: Path) -> None:
    for name, text in defaults(page):
        path = path_of(name)
        path = path if path in KNOWN else f"ingest.{path}"
        assert path in KNOWN, name
        assert meant(text) == plain(KNOWN[path]), name


def test_the_tables_are_found() -> None:
    found = {page.name: len(list(defaults(page))) for page in PAGES}
    counts = {"pull": 5, "scaling": 2, "upload": 6, "websocket": 6}
    for page, count in counts.items():
        assert found[f"{page}.md"] == found[f"{page}.zh-CN.md"] == count


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_yaml_for_ingest_can_be_read(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, block in enumerate(blocks(page, "yaml")):
        if block.code.startswith("ingest:"):
            path = tmp_path / f"{number}.yaml"
            path.write_text(block.code)
            monkeypatch.setenv("TONEWATCH_CONFIG", str(path))
            wanted = yaml.safe_load(block.code)["ingest"]
            assert IngestSettings.load().ingest.model_fields_set == set(wanted)
