"""From the seconds that storage answers with to the arrays that the engine replays."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewatch.alerting.engine import Second, Stored
from tonewatch.alerting.engine._state import moment_of, world_ms
from tonewatch.shared.emotions import EMOTIONS

Items = list[dict[str, Any]]


def stored_of(items: Items, started_at: datetime) -> Stored:
    """Seconds of one track, in the order of their numbers."""
    own = np.array([_probabilities(item) for item in items])
    silent = np.array([item["probabilities"] is None for item in items])
    offsets = np.array([item["start_ms"] for item in items], dtype=np.int64)
    return Stored(
        seqs=np.array([item["seq"] for item in items], dtype=np.int64),
        probabilities=own,
        silent=silent,
        captured_ms=world_ms(started_at) + offsets,
        steps=_steps(items, own),
    )


def seconds_of(stored: Stored) -> Iterator[Second]:
    """The same one by one; seconds that are missing stay so."""
    own, silent = stored.probabilities.tolist(), stored.silent.tolist()
    seqs, captured = stored.seqs.tolist(), stored.captured_ms.tolist()
    for number, seq in enumerate(seqs):
        heard = not silent[number]
        yield Second(
            first=seq,
            last=seq,
            probabilities=tuple(own[number]) if heard else None,
            steps=None if stored.steps is None or not heard else stored.steps[number],
            silent=silent[number],
            captured_at=moment_of(captured[number]),
            final=number == len(seqs) - 1,
        )


def _probabilities(item: dict[str, Any]) -> list[float]:
    named = item["probabilities"]
    if named is None:
        return [np.nan] * len(EMOTIONS)
    return [float(named[label]) for label in EMOTIONS]


def _steps(items: Items, own: NDArray[np.float64]) -> NDArray[np.float32] | None:
    """Steps of one number for all seconds: the usual number; others are spread over it."""
    counts = Counter(len(item["steps"]) for item in items if item.get("steps"))
    if not counts:
        return None
    usual = counts.most_common(1)[0][0]
    filled = np.repeat(own[:, np.newaxis, :], usual, axis=1).astype(np.float32)
    for number, item in enumerate(items):
        rows = item.get("steps")
        if rows:
            places = np.arange(usual) * len(rows) // usual
            filled[number] = np.asarray(rows, dtype=np.float32)[places]
    return filled
