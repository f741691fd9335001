"""Scored seconds as inference publishes them: many calls at once, each in its own mood."""

import random
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tonewatch.shared.broker import Outgoing
from tonewatch.shared.emotions import EMOTIONS
from tonewatch.shared.messages import Score, SessionEvent, Speaker
from tonewatch.shared.streams import SCORES, SESSIONS

STEPS = 49
STAYS = 0.8
"""Chance that a second has the emotion of the one before."""


def sessions(calls: int, start: datetime, prefix: str = "call") -> Iterator[Outgoing]:
    """The starts of these calls."""
    for call in range(calls):
        yield Outgoing(
            SESSIONS,
            SessionEvent(
                session_id=f"{prefix}-{call:05d}",
                source_id=f"line-{call % 500}",
                labels=_labels(call),
                state="started",
                name=f"line {call % 500}",
                kind="pull",
                speakers=(Speaker.CUSTOMER,),
                at=start,
            ),
        )


def seconds(
    calls: int, count: int, *, start: datetime | None = None, prefix: str = "call", seed: int = 0
) -> Iterator[Outgoing]:
    """`count` seconds of each call, one second of all calls after the other."""
    chance = random.Random(seed)
    start = start or datetime.now(UTC) - timedelta(seconds=count)
    moods = [chance.randrange(len(EMOTIONS)) for _ in range(calls)]
    matrices = [_matrix(chance, mood) for mood in range(len(EMOTIONS))]
    for seq in range(count):
        at = start + timedelta(seconds=seq)
        for call in range(calls):
            if chance.random() > STAYS:
                moods[call] = chance.randrange(len(EMOTIONS))
            mood = moods[call]
            score = _score(prefix, call, seq, at, mood, chance.uniform(0.4, 0.95))
            yield Outgoing(SCORES, score, {"steps": matrices[mood]})


def _score(prefix: str, call: int, seq: int, at: datetime, mood: int, peak: float) -> Score:
    rest = (1 - peak) / (len(EMOTIONS) - 1)
    return Score(
        session_id=f"{prefix}-{call:05d}",
        source_id=f"line-{call % 500}",
        labels=_labels(call),
        speaker=Speaker.CUSTOMER,
        seq=seq,
        start_ms=1000 * seq,
        end_ms=1000 * seq + 1000,
        captured_at=at,
        published_at=at + timedelta(seconds=1),
        scored_at=at + timedelta(seconds=1.2),
        emotion=EMOTIONS[mood],
        confidence=peak,
        probabilities=tuple(peak if n == mood else rest for n in range(len(EMOTIONS))),
        steps=STEPS,
        window_seconds=3.0,
        speech=1.0,
        level_dbfs=-20.5,
        engine="emotion2vec",
        model="emotion2vec_plus_large",
        revision="v2.0.5",
    )


def _labels(call: int) -> dict[str, str]:
    return {
        "agent_id": str(1000 + call % 500),
        "queue": ("sales", "support", "vip")[call % 3],
        "order_id": f"{call:08d}",
    }


def _matrix(chance: random.Random, mood: int) -> bytes:
    values = []
    for _ in range(STEPS):
        peak = chance.uniform(0.3, 0.95)
        rest = (1 - peak) / (len(EMOTIONS) - 1)
        values += [peak if n == mood else rest for n in range(len(EMOTIONS))]
    return struct.pack(f"<{len(values)}f", *values)
