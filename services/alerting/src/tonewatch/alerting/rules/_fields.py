"""What the parts of the rule language share: kinds of values, and how a mistake is told."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic import StringConstraints as Constraints
from pydantic_core import PydanticCustomError

from tonewatch.shared.emotions import Emotion

MAX_SECONDS = 86_400.0


class RuleModel(BaseModel):
    """Base of everything a rules file holds: unknown keys are errors, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def mistake(message: str, field: str = "") -> PydanticCustomError:
    """An error about a value, or (seen where fields come together) about `field` of a model."""
    return PydanticCustomError("mistake", "{message}", {"field": field, "message": message})


def each_once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Refuse repeats."""
    if len(set(values)) < len(values):
        raise mistake("each may be named once")
    return values


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _shown(values: Sequence[str]) -> str | list[str]:
    return str(values[0]) if len(values) == 1 else [str(value) for value in values]


Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A number that is written as one: "0.6" in quotes is a mistake."""

Seconds = Annotated[Number, Field(gt=0, le=MAX_SECONDS)]

Text = Annotated[str, Constraints(min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")]

ChannelName = Annotated[str, Constraints(min_length=1, max_length=64)]

ChannelNames = Annotated[
    tuple[ChannelName, ...], Field(min_length=1, max_length=16), AfterValidator(each_once)
]

Emotions = Annotated[
    tuple[Emotion, ...],
    Field(min_length=1, max_length=len(Emotion)),
    AfterValidator(each_once),
    BeforeValidator(_as_tuple, json_schema_input_type=Emotion | tuple[Emotion, ...]),
    PlainSerializer(_shown, return_type=str | list[str], when_used="json"),
]
"""One emotion, or several of which any will do."""
