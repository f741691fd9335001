"""What all ways of judging share: the moment they look at, how an alert fires and resolves."""

from dataclasses import dataclass, field
from typing import Final

from tonewatch.alerting.engine._call import Call
from tonewatch.alerting.engine._rules import CompiledRule, Kind
from tonewatch.alerting.engine._state import (
    Firing,
    Run,
    TrackState,
    Transition,
    moment_of,
    transition,
)
from tonewatch.alerting.engine._texts import sentence
from tonewatch.shared.ids import derived_id
from tonewatch.shared.messages import AlertState, Track

DEFAULT_GAP_TOLERANCE: Final = 1.0
DEFAULT_DIP_TOLERANCE: Final = 0.3
DEFAULT_RESOLVE_AFTER: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Pauses and calm, in seconds, for rules that say nothing of them."""

    gap_tolerance: float = DEFAULT_GAP_TOLERANCE
    dip_tolerance: float = DEFAULT_DIP_TOLERANCE
    resolve_after: float = DEFAULT_RESOLVE_AFTER

    @property
    def dip_ms(self) -> int:
        """How long a row may fall short in speech: a model's steps are rough."""
        return round(1000 * self.dip_tolerance)

    def tolerance_ms(self, rule: CompiledRule) -> int:
        """The longest pause that a row bridges."""
        own = rule.tolerance_ms
        return round(1000 * self.gap_tolerance) if own is None else own

    def resolve_ms(self, rule: CompiledRule) -> int:
        """How long it must be calm; after silence, any speech will do."""
        if rule.resolve_ms is not None:
            return rule.resolve_ms
        return 0 if rule.kind is Kind.SILENCE else round(1000 * self.resolve_after)


@dataclass(slots=True, kw_only=True)
class Moment:
    """A stretch of one track that is looked at, and what is said of it.

    Times are milliseconds since the start of the track; `world_offset` makes them times of the
    world.
    """

    track: Track
    call: Call
    timing: Timing
    state: TrackState
    start_ms: int
    end_ms: int
    world_offset: int
    edges: list[int] = field(default_factory=list)
    """Begin and end of each step: one more than there are steps."""
    said: list[Transition] = field(default_factory=list)

    def world(self, ms: int) -> int:
        """A time of the track as a time of the world."""
        return ms + self.world_offset

    def may_begin(self, rule: CompiledRule, ms: int) -> bool:
        """Whether the rule is at work at a time of the track."""
        return rule.active_time is None or rule.active_time.contains(moment_of(self.world(ms)))

    def begin(self, rule: CompiledRule, ms: int) -> Run:
        """A new run."""
        return Run(kind=rule.shape, start_ms=ms, last_ms=ms, started_at=self.world(ms))

    def fire(self, rule: CompiledRule, run: Run, at_ms: int) -> None:
        """The alert fires; its id is the same whoever computes it."""
        run.below_ms = 0
        run.firing = Firing(
            alert_id=derived_id(rule.name, self.track.key, str(run.start_ms)),
            priority=rule.priority,
            channels=rule.channels,
            emotions=tuple(emotion.value for emotion in rule.emotions),
            threshold=rule.threshold,
            message=sentence(rule, self.track, run, self.call),
            action=rule.action,
            notice=rule.notice,
        )
        self._say(AlertState.FIRING, rule.name, run, run.firing, at_ms)

    def calm(self, rule: CompiledRule, run: Run, ms: int, until_ms: int) -> bool:
        """A firing alert is calm for `ms` up to `until_ms`; True if that resolves it."""
        run.below_ms += ms
        over = run.below_ms - self.timing.resolve_ms(rule)
        if over < 0 or run.firing is None:
            return False
        self._say(AlertState.RESOLVED, rule.name, run, run.firing, until_ms - min(over, ms))
        return True

    def resolve_now(self, name: str, run: Run) -> None:
        """What fires is over at once, for reasons that lie outside the audio."""
        if run.firing is not None:
            heard_until = self.state.heard_until or run.started_at
            self.said.append(transition(AlertState.RESOLVED, name, run, run.firing, heard_until))

    def _say(self, state: AlertState, name: str, run: Run, facts: Firing, at_ms: int) -> None:
        self.said.append(transition(state, name, run, facts, self.world(at_ms)))
