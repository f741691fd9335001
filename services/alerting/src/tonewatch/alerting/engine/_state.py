"""What the engine remembers of a track between two seconds, and what it says when that changes.

Times inside a track are milliseconds since its start; times of the world are milliseconds since
1970.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import TypeAdapter

from tonewatch.alerting.engine._seconds import SECOND_MS
from tonewatch.shared.messages import (
    AlertAction,
    AlertState,
    AlertSubject,
    NoticePolicy,
    Priority,
)

VERSION: Final = b"2"
"""Stands before what is saved; the first version had none."""

MAX_PASSED: Final = 16
"""Remembered stretches that were passed as missing; only to tell late scores from doubled ones."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def world_ms(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def moment_of(milliseconds: int) -> datetime:
    """The moment so many milliseconds after 1970."""
    return EPOCH + timedelta(milliseconds=milliseconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """What was said when the alert fired; `resolved` says the same, even if the rule is gone."""

    alert_id: str
    priority: Priority
    channels: tuple[str, ...]
    emotions: tuple[str, ...]
    threshold: float
    message: str
    action: AlertAction = AlertAction.ALERT
    subject: AlertSubject = AlertSubject.EMOTION
    notice: NoticePolicy = field(default_factory=NoticePolicy)


@dataclass(slots=True, kw_only=True)
class Run:
    """One rule on one track since its condition began to hold: pending, or firing."""

    kind: str = "LEVEL"
    """`CompiledRule.shape` of the rule it belongs to."""
    start_ms: int
    last_ms: int
    """End of the last step that held."""
    started_at: int
    value: float = 0.0
    held_ms: int = 0
    quiet_ms: int = 0
    """Pause that goes on."""
    below_ms: int = 0
    """Calm that goes on."""
    marks: list[list[int]] = field(default_factory=list)
    """Of a share: [second, start_ms, held_ms]; of a sequence: `Stage` by stage."""
    waits: bool = False
    """True while a sequence has seen no more than its first stage: that is no news."""
    firing: Firing | None = None

    @property
    def first_seq(self) -> int:
        """The second in which it began."""
        return self.start_ms // SECOND_MS

    @property
    def last_seq(self) -> int:
        """The second in which it held last."""
        return max(self.first_seq, (self.last_ms - 1) // SECOND_MS)


@dataclass(slots=True, kw_only=True)
class TrackState:
    """All that is saved of a track; `ended` stays for a while, so that stragglers are known.

    `baselines` has, by their length in milliseconds, the sums of the nine probabilities times
    milliseconds of the track's first speech, and how much speech that was.
    """

    next_seq: int = 0
    next_utterance: int = 0
    heard_until: int | None = None
    runs: dict[str, Run] = field(default_factory=dict)
    baselines: dict[int, list[float]] = field(default_factory=dict)
    passed: list[tuple[int, int]] = field(default_factory=list)
    ended: bool = False

    @property
    def is_urgent(self) -> bool:
        """Whether an alert is pending or firing."""
        return any(not run.waits or run.firing for run in self.runs.values())

    def pass_missing(self, first: int, last: int) -> None:
        """Remember that seconds never came."""
        self.passed = [*self.passed, (first, last)][-MAX_PASSED:]

    def was_passed(self, seq: int) -> bool:
        """Whether a second was given up."""
        return any(first <= seq <= last for first, last in self.passed)

    def encode(self) -> bytes:
        """As it is saved."""
        if self.runs or self.baselines or self.passed:
            return VERSION + _CODEC.dump_json(self, exclude_defaults=True)
        # most tracks, most of the time
        until = "null" if self.heard_until is None else self.heard_until
        ended = "true" if self.ended else "false"
        return (
            f'2{{"next_seq":{self.next_seq},"next_utterance":{self.next_utterance},'
            f'"heard_until":{until},"ended":{ended}}}'
        ).encode()

    @staticmethod
    def decode(saved: bytes) -> "TrackState":
        """As it was saved.

        Raises:
            ValueError: these are not the bytes of a state.
        """
        try:
            if saved.startswith(VERSION):
                return _CODEC.validate_json(saved[len(VERSION) :])
            return _CODEC.validate_python(_from_first_version(json.loads(saved)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"this is no state of a track: {error}") from error


def _from_first_version(saved: dict[str, Any]) -> dict[str, Any]:
    """Whole seconds become milliseconds; what fires keeps its id."""
    until = saved["heard_until"]
    return {
        "next_seq": saved["next_seq"],
        "heard_until": None if until is None else world_ms(datetime.fromisoformat(until)),
        "passed": saved["passed"],
        "ended": saved["ended"],
        "runs": {
            name: {
                "start_ms": SECOND_MS * run["first_seq"],
                "last_ms": SECOND_MS * (run["last_seq"] + 1),
                "started_at": world_ms(datetime.fromisoformat(run["started_at"])),
                "value": run["value"],
                "held_ms": SECOND_MS * run["held"],
                "quiet_ms": SECOND_MS * run["quiet"],
                "below_ms": SECOND_MS * run["below"],
                "firing": run["firing"],
            }
            for name, run in saved["runs"].items()
        },
    }


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


def transition(state: AlertState, rule: str, run: Run, facts: Firing, at_ms: int) -> Transition:
    """What is said of a run; `at_ms` is a time of the world."""
    return Transition(
        state=state,
        rule=rule,
        facts=facts,
        value=run.value,
        first_seq=run.first_seq,
        last_seq=run.last_seq,
        started_at=moment_of(run.started_at),
        at=moment_of(at_ms),
    )
