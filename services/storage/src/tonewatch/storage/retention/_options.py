"""How long what is kept."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from tonewatch.shared.errors import InvalidInputError
from tonewatch.storage.retention._labels import Label, label_of

Days = Annotated[float, Field(gt=0, le=36_500)]


class Kind(StrEnum):
    """What has an age of its own, in the order in which it is given up."""

    STEPS = "steps"
    SECONDS = "seconds"
    SEGMENTS = "segments"
    ALERTS = "alerts"
    SESSIONS = "sessions"


def _label(text: str) -> str:
    try:
        label_of(text)
    except InvalidInputError as error:
        raise ValueError(error.message) from error
    return text


class LabelRetention(BaseModel):
    """Other ages for sessions with a label; what is not said here is as for all others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: Annotated[str, AfterValidator(_label)] = Field(description="name:value")
    steps_days: Days | None = None
    seconds_days: Days | None = None
    segments_days: Days | None = None
    alerts_days: Days | None = None
    sessions_days: Days | None = None

    @property
    def matches(self) -> Label:
        """Which sessions it speaks of."""
        return label_of(self.label)

    def age(self, kind: Kind) -> timedelta | None:
        """How old this kind may grow; None if that is left to the general rule."""
        days: float | None = getattr(self, f"{kind.value}_days")
        return None if days is None else timedelta(days=days)


class RetentionOptions(BaseModel):
    """The settings `storage.retention`; no age at all means for ever."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps_days: Days | None = Field(default=7, description="Fine matrices")
    seconds_days: Days | None = Field(default=30, description="Seconds and utterance records")
    segments_days: Days | None = Field(default=365, description="Segments, utterances, gaps")
    alerts_days: Days | None = Field(default=365, description="Alerts with transitions, verdicts")
    sessions_days: Days | None = Field(default=365, description="Sessions and their roll-ups")
    labels: tuple[LabelRetention, ...] = Field(
        default=(), description="Other ages for sessions with a label; of several, the longest"
    )
    max_gb: float | None = Field(
        default=None, gt=0, description="Above this the oldest matrices go first, then seconds"
    )
    every_seconds: float = Field(default=300.0, gt=0, description="How often it is looked at")
    batch_rows: int = Field(default=1000, ge=10, le=20_000, description="Removed at once")

    def cutoff(self, kind: Kind, now: datetime) -> datetime | None:
        """Rows of before this are too old, where no label says otherwise."""
        days: float | None = getattr(self, f"{kind.value}_days")
        return None if days is None else now - timedelta(days=days)

    def labelled(self, kind: Kind, now: datetime) -> list[tuple[Label, datetime]]:
        """The labels with an age of their own for this kind, and the cutoff of each."""
        ages = [(rule.matches, rule.age(kind)) for rule in self.labels]
        return [(label, now - age) for label, age in ages if age is not None]
