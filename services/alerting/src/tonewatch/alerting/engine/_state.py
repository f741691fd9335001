"""What the engine remembers of a track between two seconds, and what it says when that changes."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pydantic import TypeAdapter, ValidationError

from tonewatch.shared.messages import AlertState, Priority

MAX_PASSED: Final = 16
"""Remembered stretches that were passed as missing; only to tell late scores from doubled ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """What was said when the alert fired; `resolved` says the same, even if the rule is gone."""

    alert_id: str
    priority: Priority
    channels: tuple[str, ...]
    emotions: tuple[str, ...]
    threshold: float
    message: str


@dataclass(slots=True, kw_only=True)
class Run:
    """One rule on one track since its condition began to hold: pending, or firing."""

    first_seq: int
    last_seq: int
    value: float
    started_at: datetime
    held: int = 0
    quiet: int = 0
    below: int = 0
    firing: Firing | None = None


@dataclass(slots=True, kw_only=True)
class TrackState:
    """All that is saved of a track; `ended` stays for a while, so that stragglers are known."""

    next_seq: int = 0
    heard_until: datetime | None = None
    runs: dict[str, Run] = field(default_factory=dict)
    passed: list[tuple[int, int]] = field(default_factory=list)
    ended: bool = False

    def pass_missing(self, first: int, last: int) -> None:
        """Remember that seconds never came."""
        self.passed = [*self.passed, (first, last)][-MAX_PASSED:]

    def was_passed(self, seq: int) -> bool:
        """Whether a second was given up."""
        return any(first <= seq <= last for first, last in self.passed)

    def encode(self) -> bytes:
        """As it is saved."""
        return _CODEC.dump_json(self)

    @staticmethod
    def decode(saved: bytes) -> "TrackState":
        """As it was saved.

        Raises:
            ValueError: these are not the bytes of a state.
        """
        try:
            return _CODEC.validate_json(saved)
        except ValidationError as error:
            raise ValueError(f"this is no state of a track: {error}") from error


_CODEC: Final = TypeAdapter(TrackState)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """An alert fires or resolves."""

    state: AlertState
    rule: str
    facts: Firing
    value: float
    first_seq: int
    last_seq: int
    started_at: datetime
    at: datetime
