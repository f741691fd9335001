"""What the command says, in two languages: one catalogue, and the choice of a language."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, get_args

import yaml

from tonewatch.shared.emotions import CHINESE, EMOTIONS

Language = Literal["en", "zh"]

LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
CATALOGUE: Final = Path(__file__).with_name("catalogue.yaml")
OPTION: Final = "--lang"
VARIABLES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")
"""Where the locale of messages is named, the strongest first (POSIX)."""

_CHINESE_EMOTIONS: Final = {str(emotion): CHINESE[emotion] for emotion in EMOTIONS}


class Texts:
    """All texts in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._texts = {key: entry[language] for key, entry in catalogue().items()}

    def __call__(self, key: str, **places: Any) -> str:
        """The text of a key, its places filled in."""
        return self._texts[key].format(**places)

    def emotion(self, value: str) -> str:
        """What an emotion, or `no_speech`, is called."""
        if value in {"no_speech", "gap"}:
            return self(f"emotion.{value}")
        return _CHINESE_EMOTIONS.get(value, value) if self.language == "zh" else value

    def named(self, kind: str, value: str) -> str:
        """The name of a value that services know; the value itself if it is a new one."""
        return self._texts.get(f"{kind}.{value}", value)


@cache
def catalogue() -> Mapping[str, Mapping[Language, str]]:
    """All texts by key, each in every language."""
    entries: dict[str, dict[Language, str]] = yaml.safe_load(CATALOGUE.read_text("utf-8"))
    return entries


def take_language(
    arguments: Sequence[str], environ: Mapping[str, str]
) -> tuple[Language, list[str]]:
    """The language that `--lang` or the locale asks for, and the arguments without `--lang`.

    It is needed before the command line is read, for the help is in that language. A wish that is
    no language of ours stays among the arguments, where it is refused.
    """
    rest: list[str] = []
    chosen: Language | None = None
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        name, equals, value = word.partition("=")
        if name == OPTION and not equals and waiting:
            value = waiting[0]
        wish = next((each for each in LANGUAGES if each == value.lower()), None)
        if name != OPTION or wish is None:
            rest.append(word)
            continue
        chosen = wish
        if not equals:
            waiting.pop(0)
    return chosen or language_of(environ), rest


def language_of(environ: Mapping[str, str]) -> Language:
    """The language of the locale; English where it is neither."""
    locale = next((environ[name] for name in VARIABLES if environ.get(name)), "")
    return "zh" if locale.lower().startswith("zh") else "en"
