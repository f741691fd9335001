"""The command's catalogue is complete, and the right language is chosen."""

import re
from enum import StrEnum

import pytest

from tonewatch.alerting.notices.model import AlertVerdict
from tonewatch.cli.texts import CATALOGUE, LANGUAGES, Language, Texts, catalogue, take_language
from tonewatch.ingest.live import SourceState
from tonewatch.shared.emotions import CHINESE, EMOTIONS
from tonewatch.shared.messages import AlertState, Priority, SessionState, Speaker

SOURCES = [*CATALOGUE.parent.glob("*.py"), *CATALOGUE.parent.glob("commands/*.py")]
LITERAL_KEY = re.compile(r"[\"'](help|(?:[a-z]+\.)+[a-z_]+)[\"']")
NAMED: dict[str, type[StrEnum]] = {
    "alert": AlertState,
    "priority": Priority,
    "session": SessionState,
    "speaker": Speaker,
    "state": SourceState,
    "verdict": AlertVerdict,
}
COLUMNS = {
    f"streams.{each}" for each in ("name", "kind", "state", "since", "reason", "labels", "id")
}


def used_keys() -> set[str]:
    text = "\n".join(source.read_text("utf-8") for source in SOURCES)
    kinds = {key.partition(".")[0] for key in catalogue()}
    found = {key for key in LITERAL_KEY.findall(text) if key.partition(".")[0] in kinds}
    return found - {"login.json"}


def named_keys() -> set[str]:
    return {f"{kind}.{value}" for kind, values in NAMED.items() for value in values} | COLUMNS


def places(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_every_text_exists_in_every_language_with_the_same_places() -> None:
    for key, entry in catalogue().items():
        assert set(entry) == set(LANGUAGES), key
        assert all(text.strip() for text in entry.values()), key
        assert places(entry["en"]) == places(entry["zh"]), key


def test_every_key_that_is_used_is_in_the_catalogue_and_no_other() -> None:
    made = {"emotion.no_speech", "emotion.gap"}
    assert used_keys() | named_keys() | made == set(catalogue())


def test_emotions_are_named_as_the_model_names_them() -> None:
    for emotion in EMOTIONS:
        assert Texts("en").emotion(emotion) == emotion.value
        assert Texts("zh").emotion(emotion) == CHINESE[emotion]
    assert Texts("zh").emotion("no_speech") == "无语音"
    assert Texts("zh").named("state", "a new one") == "a new one"


@pytest.mark.parametrize(
    ("line", "locale", "language", "rest"),
    [
        ("streams", {}, "en", ["streams"]),
        ("streams", {"LANG": "zh_CN.UTF-8"}, "zh", ["streams"]),
        ("streams", {"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en", ["streams"]),
        ("streams", {"LANG": "en_US", "LC_MESSAGES": "zh_TW"}, "zh", ["streams"]),
        ("--lang zh streams", {}, "zh", ["streams"]),
        ("streams --lang=en --json", {"LANG": "zh_CN"}, "en", ["streams", "--json"]),
        ("streams --lang de", {}, "en", ["streams", "--lang", "de"]),
        ("streams --lang", {}, "en", ["streams", "--lang"]),
    ],
)
def test_the_option_is_asked_first_then_the_locale(
    line: str, locale: dict[str, str], language: Language, rest: list[str]
) -> None:
    assert take_language(line.split(), locale) == (language, rest)
