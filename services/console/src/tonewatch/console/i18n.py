"""The two languages of the page: one catalogue, and the choice of a language for a request."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

import yaml

Language = Literal["en", "zh"]

LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
HTML_LANGUAGE: Final[Mapping[Language, str]] = {"en": "en", "zh": "zh-CN"}
COOKIE: Final = "tonewatch_lang"
CATALOGUE: Final = Path(__file__).with_name("catalogue.yaml")

_QUALITY: Final = re.compile(r"^q=(?P<value>[01](?:\.\d{0,3})?)$")


@cache
def catalogue() -> Mapping[str, Mapping[Language, str]]:
    """All texts by key, each in every language."""
    entries: dict[str, dict[Language, str]] = yaml.safe_load(CATALOGUE.read_text("utf-8"))
    return entries


@cache
def texts(language: Language) -> Mapping[str, str]:
    """All texts of one language by key."""
    return {key: entry[language] for key, entry in catalogue().items()}


def choose_language(asked: str | None, cookie: str | None, accepted: str | None) -> Language:
    """What the address asks for, else what was chosen before, else what the browser prefers."""
    for wish in (asked, cookie):
        if language := _known(wish or ""):
            return language
    for tag in _by_preference(accepted or ""):
        if language := _known(tag):
            return language
    return "en"


def _known(tag: str) -> Language | None:
    primary = tag.strip().lower().partition("-")[0]
    return next((language for language in LANGUAGES if language == primary), None)


def _by_preference(header: str) -> list[str]:
    weighted = []
    for item in header.split(","):
        tag, *parameters = (part.strip() for part in item.split(";"))
        quality = next((_QUALITY.match(part) for part in parameters), None)
        weighted.append((float(quality["value"]) if quality else 1.0, tag))
    # sorted is stable: equal wishes keep the order of the header
    ordered = sorted(weighted, key=lambda pair: -pair[0])
    return [tag for weight, tag in ordered if weight > 0]
