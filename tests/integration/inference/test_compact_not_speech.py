"""A minute of what is no speech: the built-in model hears no abnormal emotion in it."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.support.sounds import NOT_SPEECH, RATE_HZ, Audio
from tonewatch.inference.engines.compact import CompactEngine
from tonewatch.shared.emotions import EMOTIONS, Emotion

SECONDS = 60
WINDOW_SECONDS = 3
ABNORMAL = [
    EMOTIONS.index(e) for e in (Emotion.ANGRY, Emotion.DISGUSTED, Emotion.FEARFUL, Emotion.SAD)
]


@pytest.fixture(scope="module")
def engine() -> CompactEngine:
    made = CompactEngine()
    made.load()
    return made


@pytest.mark.parametrize("make", NOT_SPEECH.values(), ids=NOT_SPEECH.keys())
def test_no_abnormal_emotion_is_heard(engine: CompactEngine, make: Callable[[int], Audio]) -> None:
    audio = make(SECONDS)
    assert len(audio) == SECONDS * RATE_HZ
    ends = range(1, SECONDS + 1)
    windows = [audio[max(0, end - WINDOW_SECONDS) * RATE_HZ : end * RATE_HZ] for end in ends]
    heard = np.stack([answer.probabilities for answer in engine.score(windows)])
    assert heard[:, ABNORMAL].max() <= 0.5
