"""The engine against a slow, obvious reference: any rule, any order, doubles, gaps, restarts."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.messages import START, make_gap, make_score, posterior
from tests.support.rule_reference import SILENT, UNHEARD, HeardOrNot, expected
from tests.support.rules import Replica, alert_messages, unsettled
from tonewatch.alerting.engine import (
    Bounds,
    Stored,
    Timing,
    compile_rules,
    replay,
)
from tonewatch.alerting.rules import parse_rules
from tonewatch.shared.broker import MemoryBroker, Outgoing
from tonewatch.shared.emotions import EMOTIONS
from tonewatch.shared.ids import derived_id
from tonewatch.shared.messages import Message, Track
from tonewatch.shared.streams import SCORES, STREAMS

TRACK = Track(session_id="call-1")
PARTITIONS = 2

RULES = """rules:
- {name: plain, emotion: angry, threshold: 0.75, duration_sec: 2}
- {name: fine, emotion: angry, threshold: 0.75, duration_sec: 1.5, gap_tolerance_sec: 0.5}
- {name: short, emotion: angry, threshold: 0.75, duration_sec: 0.3, resolve: {after_sec: 0.4}}
- {name: any, emotion: [angry, fearful], threshold: 0.5, gap_tolerance_sec: 2}
- {name: hysteresis, emotion: angry, threshold: 0.75, resolve: {level: 0.4, after_sec: 1.2}}
- name: sum
  combination: {emotions: [angry, sad], min_sum: 0.8}
  resolve: {level: 0.5}
- {name: weighted, combination: {emotions: [angry, sad], min_sum: 1.5, weights: {angry: 2}}}
- {name: share, emotion: angry, threshold: 0.75, share: {at_least_sec: 2.5, of_last_sec: 6}}
- {name: quick share, emotion: sad, threshold: 0.3, share: {at_least_sec: 0.3, of_last_sec: 2}}
- name: sequence
  sequence:
    stages:
    - {emotion: neutral, threshold: 0.5}
    - {emotion: [fearful, sad], threshold: 0.3, duration_sec: 0.5}
    - {emotion: angry, threshold: 0.5, duration_sec: 0.7}
    within_sec: 5
- name: short sequence
  sequence:
    stages:
    - {emotion: sad, threshold: 0.3, duration_sec: 0.2}
    - {emotion: angry, threshold: 0.4, duration_sec: 1.1}
    within_sec: 1.5
  gap_tolerance_sec: 3
  resolve: {level: 0.2, after_sec: 0.5}
- {name: change, change: {emotion: angry, rise: 0.31234, baseline_sec: 5}, duration_sec: 0.8}
- {name: silence, no_data: {kind: silence, longer_than_sec: 2.5}}
- {name: silence held, no_data: {kind: silence, longer_than_sec: 2}, resolve: {after_sec: 1.5}}
"""
PARSED = parse_rules(RULES.encode(), "rules.yaml")

MOODS = {
    "A": posterior("angry", 0.9),
    "a": posterior("angry", 0.5),
    "F": posterior("fearful", 0.9),
    "N": posterior("neutral", 0.9),
    "S": posterior("sad", 0.6),
    "x": tuple(0.45 if label in {"angry", "sad"} else 0.1 / 7 for label in EMOTIONS),
}


@dataclass(frozen=True)
class Piece:
    """A second: letters of moods by tenth of a second (one letter: no steps), s, g, or lost."""

    spelt: str

    def heard(self) -> HeardOrNot:
        if self.spelt in {SILENT, UNHEARD, "lost"}:
            return UNHEARD if self.spelt == "lost" else self.spelt
        letters = self.spelt if len(self.spelt) > 1 else 10 * self.spelt
        return [MOODS[letter] for letter in letters]

    def outgoing(self, seq: int, *, final: bool) -> Outgoing | None:
        if self.spelt == "lost":
            return None
        message: Message
        blobs: dict[str, bytes] = {}
        if self.spelt == UNHEARD:
            message = make_gap(seq, seq, final=final)
        elif self.spelt == SILENT:
            message = make_score(seq, "no_speech", final=final)
        else:
            rows = [MOODS[letter] for letter in self.spelt]
            changes: dict[str, Any] = {"probabilities": rows[0], "final": final}
            if len(rows) > 1:
                changes |= {"steps": len(rows)}
                blobs = {"steps": np.array(rows, dtype="<f4").tobytes()}
            message = make_score(seq, "angry", **changes)
        return Outgoing(SCORES, message, blobs)


@st.composite
def pieces(draw: st.DrawFn) -> list[Piece]:
    """A track: stretches of one mood, changes inside seconds, pauses, and what nobody heard."""
    changing = st.tuples(
        st.sampled_from("AaFNSx"), st.sampled_from("AaFNSx"), st.integers(1, 9)
    ).map(lambda three: Piece(three[0] * three[2] + three[1] * (10 - three[2])))
    steady = st.sampled_from("AaFNSx").flatmap(
        lambda mood: st.sampled_from([Piece(mood), Piece(10 * mood)])
    )
    other = st.sampled_from([Piece(SILENT), Piece(UNHEARD), Piece("lost")])
    one = st.one_of(steady, steady, changing, other)
    repeated = st.tuples(one, st.integers(1, 4)).map(lambda pair: [pair[0]] * pair[1])
    parts = draw(st.lists(repeated, min_size=1, max_size=14))
    track = [piece for part in parts for piece in part]
    return [*track, draw(steady)]


@dataclass(frozen=True)
class Arrivals:
    """The order in which seconds come, how many at once, and where the process dies."""

    order: list[int]
    batches: list[int]
    deaths: frozenset[int]


@st.composite
def arrivals(draw: st.DrawFn, count: int) -> Arrivals:
    jitter = draw(st.lists(st.integers(0, 8), min_size=count, max_size=count))
    order = sorted(range(count), key=lambda seq: (seq + jitter[seq], seq))
    doubled = draw(st.sets(st.sampled_from(order), max_size=5))
    sequence = [seq for seq in order for _ in range(2 if seq in doubled else 1)]
    batches = draw(st.lists(st.integers(1, 9), min_size=1, max_size=5))
    return Arrivals(sequence, batches, draw(st.frozensets(st.integers(0, 20), max_size=6)))


Wanted = tuple[str, str, int, int]


def reference(track: list[Piece], timing: Timing) -> list[Wanted]:
    seconds = [piece.heard() for piece in track]
    return sorted(
        (rule.name, state, start, at)
        for rule in PARSED.rules
        for state, start, at in expected(rule, seconds, timing)
    )


def milliseconds(moment: datetime) -> int:
    return round((moment - START) / timedelta(milliseconds=1))


async def evaluated(track: list[Piece], plan: Arrivals, timing: Timing) -> list[Wanted]:
    """What is published when the seconds come as planned; every id is checked on the way."""
    broker = MemoryBroker(partitions=PARTITIONS)
    await broker.setup(STREAMS)

    def replica(*, patient: bool = True) -> Replica:
        bounds = Bounds(least_wait_seconds=0, longest_wait_seconds=30 if patient else 0)
        return Replica(broker, loaded=PARSED, timing=timing, bounds=bounds)

    running, left, batch = replica(), list(plan.order), 0
    while left:
        size = plan.batches[batch % len(plan.batches)]
        now, left = left[:size], left[size:]
        sent = [track[seq].outgoing(seq, final=seq == len(track) - 1) for seq in now]
        await broker.publish([outgoing for outgoing in sent if outgoing is not None])
        await running.step()
        if batch in plan.deaths:
            running = replica()
            await running.resume()
        batch += 1
    last = replica(patient=False)  # the track is over: nobody waits for what is missing any more
    await last.resume()
    await last.resume()
    assert await unsettled(broker) == 0
    alerts = await alert_messages(broker)
    for alert in alerts:
        start = str(milliseconds(alert.started_at))
        assert alert.alert_id == derived_id(alert.rule, TRACK.key, start)
    return sorted(
        (alert.rule, alert.state.value, milliseconds(alert.started_at), milliseconds(alert.at))
        for alert in alerts
    )


def timings() -> st.SearchStrategy[Timing]:
    return st.builds(
        Timing,
        gap_tolerance=st.sampled_from([0.0, 1.0, 2.5]),
        dip_tolerance=st.sampled_from([0.0, 0.1, 0.3, 1.2]),
        resolve_after=st.sampled_from([0.5, 3.0]),
    )


@settings(max_examples=150)
@given(st.data(), pieces(), timings())
def test_any_order_doubles_gaps_and_restarts_give_what_the_reference_gives(
    data: st.DataObject, track: list[Piece], timing: Timing
) -> None:
    plan = data.draw(arrivals(len(track)))
    assert asyncio.run(evaluated(track, plan, timing)) == reference(track, timing)


def stored(track: list[Piece]) -> Stored:
    silence = (float("nan"),) * len(EMOTIONS)
    rows, seqs, silent = [], [], []
    for seq, piece in enumerate(track):
        if piece.spelt == "lost":
            continue
        heard = piece.heard()
        rows.append([silence] * 10 if isinstance(heard, str) else heard)
        seqs.append(seq)
        silent.append(piece.spelt == SILENT)
    steps = np.array(rows, dtype=np.float32)
    return Stored(
        seqs=np.array(seqs),
        probabilities=steps[:, 0],
        steps=steps,
        silent=np.array(silent),
        captured_ms=np.array([round(START.timestamp() * 1000) + 1000 * seq for seq in seqs]),
    )


def replayed(track: list[Piece], timing: Timing) -> list[Wanted]:
    return sorted(
        (said.rule, said.state.value, milliseconds(said.started_at), milliseconds(said.at))
        for said in replay(compile_rules(PARSED.rules), TRACK, stored(track), timing)
    )


@settings(max_examples=150)
@given(pieces(), timings())
@example([Piece(letter) for letter in 20 * "N" + 60 * "s" + "SAAA"], Timing())
@example([Piece(letter) for letter in 20 * "N" + "sss" + 20 * "N" + "ss" + "SSAAN"], Timing())
def test_a_replay_of_stored_seconds_gives_what_the_reference_gives(
    track: list[Piece], timing: Timing
) -> None:
    assert replayed(track, timing) == reference(track, timing)


def test_the_reference_knows_what_every_rule_is_about() -> None:
    """Each rule fires in some track, or the comparisons above would say nothing."""
    spelt = "NNNNNN F A A A A A S S A A A s s s s N A A A A N N N N S A A s s s s s N"
    track = [Piece(letter) for letter in spelt.replace(" ", "")]
    fired = {rule for rule, state, *_ in reference(track, Timing()) if state == "firing"}
    assert fired == {rule.name for rule in PARSED.rules}
