"""Random calls for the chaos tests, and what the slow reference says should be told of them."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.messages import make_score, posterior
from tests.support.rule_reference import HeardOrNot, expected
from tonewatch.alerting.engine import Timing
from tonewatch.alerting.rules import load_rules
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.ids import derived_id
from tonewatch.shared.messages import Speaker, Track
from tonewatch.shared.streams import SCORES

RULES = """\
rules:
  - {name: angry, emotion: angry, threshold: 0.7, duration_sec: 1.5, priority: high}
  - {name: sad again, emotion: sad, threshold: 0.6, share: {at_least_sec: 2, of_last_sec: 8}}
  - {name: dead air, no_data: {kind: silence, longer_than_sec: 4}}
  - name: turning
    sequence:
      stages: [{emotion: neutral, threshold: 0.5}, {emotion: angry, threshold: 0.7}]
      within_sec: 10
"""
MOODS = ("angry", "sad", "neutral", "no_speech")
QUIET: dict[str, Any] = {
    "group_wait_seconds": 0,
    "caps": {"rule_per_minute": None, "agent_per_minute": None},
}
"""Of `notices`: every alert is told by itself."""


@dataclass(frozen=True)
class Load:
    """Scores second by second, all tracks side by side; and what should be told of them."""

    seconds: list[list[Outgoing]]
    wanted: set[tuple[str, str]]


def make_load(folder: Path, *, tracks: int, seconds: int, seed: int) -> Load:
    """The calls, and the rules as a file `rules.yaml` in the folder."""
    (folder / "rules.yaml").write_text(RULES)
    chance = random.Random(seed)
    calls = [_call(chance, seconds) for _ in range(tracks)]
    wanted = set()
    for number, call in enumerate(calls):
        key = Track(session_id=f"call-{number}", speaker=Speaker.MIXED).key
        for rule in load_rules(folder / "rules.yaml").rules:
            for state, began_ms, _ in expected(rule, call, Timing()):
                wanted.add((derived_id(rule.name, key, str(began_ms)), state))
    return Load(
        [
            [_score(number, seq, call[seq], final=seq == seconds - 1)
             for number, call in enumerate(calls)]
            for seq in range(seconds)
        ],
        wanted,
    )  # fmt: skip


class Feeder:
    """Publishes a load at a steady pace."""

    def __init__(self, broker: RedisBroker, load: Load) -> None:
        self.fed = 0
        self._broker = broker
        self._load = load

    async def feed(self, interval_seconds: float) -> None:
        """Another second of every track at each interval, until all are there."""
        while self.fed < len(self._load.seconds):
            await self._broker.publish(self._load.seconds[self.fed])
            self.fed += 1
            await asyncio.sleep(interval_seconds)

    @asynccontextmanager
    async def feeding(self, interval_seconds: float) -> AsyncIterator[None]:
        """Feed meanwhile; at the end publish what is left at once."""
        task = asyncio.create_task(self.feed(interval_seconds))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self.feed(0)  # a second that was cut off comes twice: that must not matter


def _call(chance: random.Random, seconds: int) -> list[HeardOrNot]:
    call: list[HeardOrNot] = []
    while len(call) < seconds:
        mood, length = chance.choice(MOODS), chance.randint(1, 6)
        if mood == "no_speech":
            call += ["s"] * length
        else:
            call += [
                [posterior(mood, chance.choice((0.55, 0.9, 0.9))) for _ in range(10)]
                for _ in range(length)
            ]
    return call[:seconds]


def _score(call: int, seq: int, second: HeardOrNot, *, final: bool) -> Outgoing:
    session = f"call-{call}"
    if isinstance(second, str):
        return Outgoing(SCORES, make_score(seq, "no_speech", session_id=session, final=final))
    steps = np.array(second, dtype="<f4")
    mean = tuple(float(value) for value in np.array(second).mean(axis=0))
    score = make_score(seq, session_id=session, final=final, probabilities=mean, steps=len(second))
    return Outgoing(SCORES, score, {"steps": steps.tobytes()})
