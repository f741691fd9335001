"""Twenty rules of every kind, and scores of many calls, most of them calm."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tonewatch.alerting.engine import Stored
from tonewatch.shared.broker import Outgoing
from tonewatch.shared.emotions import EMOTIONS, NO_SPEECH, Emotion
from tonewatch.shared.messages import Score
from tonewatch.shared.streams import SCORES

STEPS: Final = 10
SILENT_SHARE: Final = 0.2
EPISODE_SECONDS: Final = 6
LIVE_EVERY, STORED_EVERY = 900, 300
"""Seconds from one episode of a call to the next."""
LABELS: Final = {"queue": "vip"}

Floats = NDArray[np.float32]


def twenty_rules() -> str:
    """A rules file; the first is urgent, so nothing waits for others to be told with it."""
    urgent = {0: ", priority: high"}
    lines = (f"- {{name: rule {n}, {k}{urgent.get(n, '')}}}" for n, k in enumerate(_keys()))
    return "rules:\n" + "\n".join(lines)


def _keys() -> Iterator[str]:
    calm = {Emotion.NEUTRAL}
    for number, emotion in enumerate(label for label in EMOTIONS if label not in calm):
        yield f"emotion: {emotion}, threshold: {0.6 + number / 50}, duration_sec: {1 + number / 4}"
    for seconds in (1, 2, 3):
        yield f"combination: {{emotions: [angry, sad], min_sum: 0.8}}, duration_sec: {seconds}"
    for pattern in ("vip|gold", "test.*"):
        yield f'emotion: [angry, disgusted], threshold: 0.6, match: ["queue=~{pattern}"]'
    for seconds in (4, 5):
        share = f"{{at_least_sec: {seconds}, of_last_sec: 10}}"
        yield f"emotion: angry, threshold: 0.6, share: {share}"
    for seconds in (10, 20):
        stages = ", ".join(
            f"{{emotion: {emotion}, threshold: 0.5}}" for emotion in ("neutral", "fearful", "angry")
        )
        yield f"sequence: {{stages: [{stages}], within_sec: {seconds}}}"
    for seconds in (30, 60):
        yield f"change: {{emotion: angry, rise: 0.3, baseline_sec: {seconds}}}"
    yield "no_data: {kind: silence, longer_than_sec: 30}"


class Calls:
    """The scores of many live calls, second by second."""

    def __init__(self, calls: int, *, seed: int = 0) -> None:
        self._calls = calls
        self._made = np.random.default_rng(seed)

    def score(self, number: int) -> Outgoing:
        """The score of this number: one second of one call after the other."""
        call, seq = number % self._calls, number // self._calls
        now = datetime.now(UTC)
        values = {
            "session_id": f"call-{call:05d}",
            "source_id": f"line-{call:05d}",
            "labels": {**LABELS, "agent_id": str(call)},
            "seq": seq,
            "start_ms": 1000 * seq,
            "end_ms": 1000 * (seq + 1),
            "captured_at": now,
            "published_at": now,
            "scored_at": now,
            "level_dbfs": -20.0,
            "engine": "fake",
            "model": "fake",
        }
        if self._made.random() < SILENT_SHARE:
            values |= {"emotion": NO_SPEECH, "confidence": 0.0, "speech": 0.0}
            return Outgoing(SCORES, Score.model_validate(values))
        # every call has its turn, so that alerts come evenly
        excited = (seq + call * 7919) % LIVE_EVERY < EPISODE_SECONDS
        emotion = Emotion.ANGRY if excited else Emotion.NEUTRAL
        rows = posteriors(self._made, np.full(STEPS, EMOTIONS.index(emotion)))
        mean = tuple(round(float(value), 6) for value in rows.mean(axis=0))
        values |= {"emotion": emotion, "confidence": max(mean), "probabilities": mean}
        values |= {"steps": STEPS, "window_seconds": 3.0, "speech": 1.0}
        return Outgoing(SCORES, Score.model_validate(values), {"steps": rows.tobytes()})


def history(seconds: int, *, seed: int = 1) -> Stored:
    """Stored seconds of one very long call, with fine steps."""
    made = np.random.default_rng(seed)
    moods = np.full(seconds, EMOTIONS.index(Emotion.NEUTRAL))
    begins = made.integers(0, seconds, seconds // STORED_EVERY)
    loud = [EMOTIONS.index(e) for e in (Emotion.ANGRY, Emotion.SAD, Emotion.FEARFUL)]
    for later in range(EPISODE_SECONDS):
        moods[np.minimum(begins + later, seconds - 1)] = made.choice(loud, len(begins))
    rows = posteriors(made, np.repeat(moods, STEPS)).reshape(seconds, STEPS, len(EMOTIONS))
    return Stored(
        seqs=np.arange(seconds),
        probabilities=rows.mean(axis=1),
        steps=rows,
        silent=made.random(seconds) < SILENT_SHARE,
        captured_ms=1_700_000_000_000 + 1000 * np.arange(seconds),
    )


def posteriors(made: np.random.Generator, moods: NDArray[np.int64]) -> Floats:
    """A row for each mood, in which it has most of the probability."""
    rows: Floats = made.random((len(moods), len(EMOTIONS)), dtype=np.float32) * np.float32(0.05)
    rows[np.arange(len(moods)), moods] += np.float32(1.2)
    rows /= rows.sum(axis=1, keepdims=True)
    return rows
