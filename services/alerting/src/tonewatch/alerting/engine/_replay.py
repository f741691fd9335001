"""Rules over a track's stored seconds: the same answers as second by second, but faster.

First everything is measured in large products, to find the seconds that can matter; then only
these are evaluated. What is passed over leaves nothing behind but first stages of sequences and
short silences; therefore a sequence's whole window before each second that matters is looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tonewatch.alerting.engine._call import UNKNOWN_CALL, Call
from tonewatch.alerting.engine._evaluate import close_track, evaluate
from tonewatch.alerting.engine._judging import Timing
from tonewatch.alerting.engine._measure import Bools
from tonewatch.alerting.engine._rules import Chosen, CompiledRule, CompiledRules, Kind
from tonewatch.alerting.engine._seconds import ROUNDING_SLACK, SECOND_MS, Rows, Second
from tonewatch.alerting.engine._state import TrackState, Transition, moment_of
from tonewatch.shared.messages import Track

CHUNK_SECONDS: Final = 8192
AHEAD_SECONDS: Final = 256
"""Measured together when they are evaluated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A track's seconds as arrays of one length n, in the order of `seqs`, none twice.

    `probabilities` has shape (n, 9); rows that are no probabilities are unheard. `steps` has shape
    (n, steps, 9), where the finer posteriors were kept. `captured_ms` is milliseconds since 1970.
    """

    seqs: NDArray[np.int64]
    probabilities: Rows
    silent: Bools
    captured_ms: NDArray[np.int64]
    steps: Rows | None = None

    def __len__(self) -> int:
        return len(self.seqs)

    def rows(self, part: slice) -> Rows:
        """The finest posteriors of a stretch, shape (seconds, steps, 9)."""
        if self.steps is not None:
            return self.steps[part]
        return self.probabilities[part][:, np.newaxis, :]


def replay(
    rules: CompiledRules,
    track: Track,
    stored: Stored,
    timing: Timing,
    call: Call = UNKNOWN_CALL,
) -> list[Transition]:
    """What would have fired and resolved; what fires at the end resolves there."""
    state, said = TrackState(), []
    walk = _Walk(rules, rules.choose(track.speaker, call.labels), stored, timing)
    for second in walk.seconds(state):
        said += evaluate(rules, track, state, second, timing, call)
    return said + close_track(state)


class _Walk:
    """Goes through stored seconds, passing over those that cannot change anything."""

    def __init__(
        self, rules: CompiledRules, chosen: Chosen, stored: Stored, timing: Timing
    ) -> None:
        self._rules = rules
        self._chosen = chosen
        self._stored = stored
        ours = [rules.rules[index] for index in sorted(chosen.frames)]
        self._heard, matters = self._look(ours)
        for rule in chosen.silence:
            matters |= _long_silence(self._heard, stored.silent, rule)
        before = max((_window_seconds(rule, timing) for rule in ours), default=0)
        self._wanted = _widened(matters, before)
        self._places = np.flatnonzero(self._wanted)
        self._ready: dict[int, Second] = {}

    def seconds(self, state: TrackState) -> Iterator[Second]:
        """The seconds to evaluate; those between are passed over in the state."""
        place, count = 0, len(self._stored)
        while place < count:
            if not self._wanted[place] and not self._goes_on(state):
                following = self._next_wanted(place)
                state.runs.clear()
                self._pass_over(state, following - 1)
                place = following
                continue
            if place not in self._ready:
                self._prepare(place)
            yield self._ready.pop(place)
            place += 1

    def _look(self, ours: list[CompiledRule]) -> tuple[Bools, Bools]:
        """Which seconds have a posterior, and in which of them something holds that matters."""
        stored, columns = self._stored, sorted({c for rule in ours for c in _columns(rule)})
        heard, matters = np.zeros(len(stored), bool), np.zeros(len(stored), bool)
        for begin in range(0, len(stored), CHUNK_SECONDS):
            part = slice(begin, begin + CHUNK_SECONDS)
            rows = stored.rows(part)
            own = stored.probabilities[part]
            heard[part] = np.all(_sound(own), axis=1) & ~stored.silent[part]
            if columns:
                # a step that is no probability gives way to the second's own posterior
                fine = rows if self._all_sound(rows) else np.concatenate([rows, own[:, None]], 1)
                values = self._rules.columns.over(fine.reshape(-1, fine.shape[2]))
                holds = np.any(self._rules.columns.holds(values)[:, columns], axis=1)
                matters[part] = np.any(holds.reshape(fine.shape[:2]), axis=1) & heard[part]
        return heard, matters

    def _all_sound(self, rows: Rows) -> bool:
        return self._stored.steps is None or bool(_sound(rows).all())

    def _goes_on(self, state: TrackState) -> bool:
        if state.is_urgent:
            return True
        return any(
            (sums := state.baselines.get(length)) is None or sums[-1] < length
            for length in self._chosen.baselines
        )

    def _next_wanted(self, place: int) -> int:
        at = int(np.searchsorted(self._places, place))
        return int(self._places[at]) if at < len(self._places) else len(self._stored)

    def _pass_over(self, state: TrackState, place: int) -> None:
        state.next_seq = int(self._stored.seqs[place]) + 1
        state.heard_until = int(self._stored.captured_ms[place]) + SECOND_MS

    def _prepare(self, place: int) -> None:
        stored, part = self._stored, slice(place, place + AHEAD_SECONDS)
        rows, own = stored.rows(part), stored.probabilities[part].tolist()
        seqs, captured = stored.seqs[part].tolist(), stored.captured_ms[part].tolist()
        silent, heard = stored.silent[part].tolist(), self._heard[part].tolist()
        self._ready = {
            place + number: Second(
                first=seqs[number],
                last=seqs[number],
                probabilities=tuple(own[number]) if heard[number] else None,
                steps=rows[number] if heard[number] else None,
                silent=silent[number],
                captured_at=moment_of(captured[number]),
            )
            for number in range(len(seqs))
        }
        self._rules.columns.measure(list(self._ready.values()))


def _columns(rule: CompiledRule) -> Iterator[int]:
    """The columns that matter: of a sequence, those after its first stage."""
    comparisons = rule.comparisons[1:] if rule.kind is Kind.SEQUENCE else rule.comparisons
    for comparison in comparisons:
        yield from comparison.columns


def _window_seconds(rule: CompiledRule, timing: Timing) -> int:
    """How far back lies what a sequence's next stage may build on."""
    if rule.kind is not Kind.SEQUENCE:
        return 0
    row_seconds = rule.comparisons[0].needed_ms // SECOND_MS + 2
    with_pauses = row_seconds * (SECOND_MS + timing.tolerance_ms(rule))
    return (rule.within_ms + with_pauses) // SECOND_MS + 1


def _long_silence(heard: Bools, silent: Bools, rule: CompiledRule) -> Bools:
    """Silent seconds of silences that are long enough for the rule; only speech ends a silence."""
    silences = np.cumsum(heard)
    lengths = np.bincount(silences, weights=silent)
    long: Bools = silent & (lengths[silences] * SECOND_MS > rule.needed_ms)
    return long


def _widened(flags: Bools, before: int) -> Bools:
    """Also the places up to `before` ahead of one that is set."""
    count = np.concatenate([[0], np.cumsum(flags)])
    last = np.minimum(np.arange(len(flags)) + before + 1, len(flags))
    wide: Bools = count[last] > count[: len(flags)]
    return wide


def _sound(rows: Rows) -> Bools:
    sound: Bools = np.logical_and(rows >= -ROUNDING_SLACK, rows <= 1 + ROUNDING_SLACK)
    return sound
