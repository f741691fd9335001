"""What the stand-ins of the services answer: a recording, its seconds, its summary."""

import math
from typing import Any

from tests.support.messages import posterior
from tonewatch.shared.emotions import EMOTIONS

RECORDING = ["neutral"] * 6 + ["no_speech"] + ["sad"] * 4 + ["angry"] * 13 + ["no_speech"]
RECORDING += ["surprised"] * 2 + ["neutral"] * 4 + ["happy"] * 3
"""What every uploaded recording turns out to say, second by second."""

ALL_TIME = {"covers_from": None, "covers_to": None, "tz": "UTC"}

SEGMENTS: list[dict[str, Any]] = [
    {"start_seconds": 0.0, "end_seconds": 1.2, "emotion": "neutral", "confidence": 0.9},
    {"start_seconds": 2.0, "end_seconds": 2.5, "emotion": "fearful", "confidence": 0.72},
]


def certainty(seq: int, emotion: str) -> float:
    """A believable probability: not the same in every second."""
    swing = 0.11 * math.sin(0.31 * seq) + 0.05 * math.sin(0.83 * seq)
    return round((0.6 if emotion == "neutral" else 0.74) + swing, 4)


def timeline_item(seq: int, emotion: str) -> dict[str, Any]:
    """One second as storage tells of it."""
    silent = emotion == "no_speech"
    confidence = 0.0 if silent else certainty(seq, emotion)
    return {
        "seq": seq,
        "start_ms": 1000 * seq,
        "end_ms": 1000 * seq + 1000,
        "speaker": "mixed",
        "emotion": emotion,
        "confidence": confidence,
        "probabilities": None if silent else _by_label(_uneven(emotion, confidence)),
        "speech": 0.0 if silent else 0.9,
        "level_dbfs": -24.0,
        "alert_triggered": emotion == "angry" and seq > RECORDING.index("angry"),
    }


def summary(session_id: str, seconds: list[str], *, complete: bool) -> dict[str, Any]:
    """A session as storage tells of it."""
    items = [timeline_item(seq, emotion) for seq, emotion in enumerate(seconds)]
    spoken = [item["probabilities"] for item in items if item["probabilities"]]
    means = {
        label: sum(one[label] for one in spoken) / max(len(spoken), 1)
        for label in map(str, EMOTIONS)
    }
    emotion = max(means, key=lambda label: means[label])
    return {
        "session_id": session_id,
        "speakers": ["mixed"],
        "frames": len(RECORDING) if complete else None,
        "scored": len(seconds),
        "gaps": 0,
        "complete": complete,
        "speech_seconds": len(spoken),
        "emotion": emotion,
        "confidence": means[emotion],
        "probabilities": means,
        "duration_seconds": float(len(seconds)),
    }


def _uneven(emotion: str, probability: float) -> tuple[float, ...]:
    """A posterior whose rest leans to the neighbours of the emotion, as real ones do."""
    order = [str(label) for label in EMOTIONS]
    near = {"angry": "disgusted", "sad": "neutral", "neutral": "sad", "happy": "surprised"}
    second = near.get(emotion, "neutral")
    flat = dict(zip(order, posterior(emotion, probability), strict=True))
    taken = 0.6 * (1 - probability)
    spread = {k: v * 0.4 for k, v in flat.items() if k != emotion}
    spread[emotion] = probability
    spread[second] = spread.get(second, 0) + taken
    return tuple(spread[label] for label in order)


def _by_label(values: tuple[float, ...]) -> dict[str, float]:
    return {label.value: value for label, value in zip(EMOTIONS, values, strict=True)}
