"""Windows are balanced over emotions, of one length per batch, and of one voice each."""

from collections import Counter
from pathlib import Path

import numpy as np

from tonewatch.inference.engines.compact import features
from tonewatch.shared.emotions import Emotion
from tonewatch.training.batches import Sampler
from tonewatch.training.corpus import CLASSES, Clip
from tonewatch.training.prepare import Prepared, pack, unpack


def prepared(level: float, frames: int = 40) -> Prepared:
    power = np.full((frames, features.MEL_BANDS), level, dtype=np.float32)
    return Prepared(
        (pack(features.Frames(power, np.full((frames, features.PITCH_BINS), level, np.float32))),)
    )


def sampler() -> Sampler:
    emotions = [Emotion.ANGRY] * 50 + [Emotion.NEUTRAL] * 5 + [Emotion.SAD]
    clips = [Clip(Path("x"), "emodb", "1", emotion) for emotion in emotions]
    return Sampler(clips, [prepared(0.5) for _ in clips], [prepared(0.9, frames=10)])


def test_a_rare_emotion_is_drawn_like_a_frequent_one() -> None:
    batches = list(sampler().epoch(40, 16, np.random.default_rng(1)))
    drawn = Counter(CLASSES[label] for batch in batches for label in batch.labels)
    assert 0 < drawn[Emotion.UNKNOWN] < drawn[Emotion.NEUTRAL]
    assert 0.6 < drawn[Emotion.SAD] / drawn[Emotion.ANGRY] < 1.6


def test_windows_of_a_batch_share_one_length_between_one_and_three_seconds() -> None:
    lengths = {batch.inputs.shape for batch in sampler().epoch(30, 4, np.random.default_rng(1))}
    seconds = {features.frame_count(int(s * 16_000)) for s in (1, 1.5, 2, 2.5, 3)}
    assert {shape[1] for shape in lengths} == seconds
    assert {(shape[0], shape[2]) for shape in lengths} == {(4, features.FEATURES)}


def test_the_same_seed_draws_the_same_windows() -> None:
    first, second = (list(sampler().epoch(5, 8, np.random.default_rng(4))) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.inputs, other.inputs)
        assert np.array_equal(one.labels, other.labels)


def test_packing_keeps_the_features() -> None:
    audio = np.random.default_rng(1).standard_normal(16_000).astype(np.float32)
    frames = features.analyse(audio)
    assert np.allclose(
        features.normalise(unpack(pack(frames))), features.normalise(frames), atol=0.02
    )
