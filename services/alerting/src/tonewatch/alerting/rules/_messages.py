"""The sentence of an alert: a template whose fields are known when the rules are read."""

import difflib
import re
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, Discriminator, Field, Tag

from tonewatch.alerting.rules._fields import RuleModel, Text, mistake

FIELDS: Final = (
    "rule",
    "priority",
    "speaker",
    "emotion",
    "value",
    "threshold",
    "seconds",
    "session_id",
    "source_id",
    "started_at",
)
LABEL: Final = "label."
_PART: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def check_template(text: str) -> str:
    """The template, if all its fields are known.

    Raises:
        PydanticCustomError: a field is unknown, or a brace has no partner.
    """
    for part in _PART.finditer(text):
        name = part[1]
        if part[0] in {"{", "}"}:
            raise mistake(f"has a single {part[0]}; a brace that is meant is written twice")
        if name is None or name in FIELDS or (name.startswith(LABEL) and name != LABEL):
            continue
        likely = difflib.get_close_matches(name, FIELDS, n=1, cutoff=0.5)
        hint = f"; did you mean {{{likely[0]}}}?" if likely else ""
        known = ", ".join(f"{{{field}}}" for field in (*FIELDS, "label.NAME"))
        raise mistake(f"has an unknown field {{{name[:80]}}}{hint} (known: {known})")
    return text


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with its fields filled; a label that the call does not have is a dash."""

    def filled(part: re.Match[str]) -> str:
        name = part[1]
        if name is None:
            return part[0][0]
        return values.get(name, "-")

    return _PART.sub(filled, template)


Template = Annotated[Text, Field(max_length=1000), AfterValidator(check_template)]


class BothLanguages(RuleModel):
    """The sentence in Chinese and in English; the alert carries both."""

    zh: Template
    en: Template


def _kind(value: object) -> str:
    return "text" if isinstance(value, str) else "languages"


Message = Annotated[
    Annotated[Template, Tag("text")] | Annotated[BothLanguages, Tag("languages")],
    Discriminator(_kind),
]
"""One sentence, or one in each language."""
