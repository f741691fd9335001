"""The compact engine keeps the engines' contract with the weights that ship in the wheel."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tonewatch.inference.engines.compact import CompactEngine
from tonewatch.inference.engines.compact.engine import step_positions
from tonewatch.shared.emotions import EMOTIONS, Emotion
from tonewatch.shared.errors import EngineError

RATE_HZ = 16_000
ANGRY = EMOTIONS.index(Emotion.ANGRY)
OTHER = EMOTIONS.index(Emotion.OTHER)


@pytest.fixture(scope="module")
def engine() -> CompactEngine:
    engine = CompactEngine()
    engine.load()
    return engine


def noise(samples: int, seed: int = 1) -> NDArray[np.float32]:
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def babble(seconds: float, seed: int = 3) -> NDArray[np.float32]:
    """Something voiced that moves, so that the network has more than noise to look at."""
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(150 + 40 * np.sin(2 * np.pi * 2.3 * time)) / RATE_HZ
    voice = np.sum([np.sin(k * phase) / k for k in range(1, 20)], axis=0)
    syllables = 0.1 * voice * (1 + np.sin(2 * np.pi * 4 * time))
    return np.asarray(syllables + noise(len(time), seed) / 50, dtype=np.float32)


@pytest.mark.parametrize("samples", [400, 639, 1_000, 8_000, 16_000, 16_001, 48_000, 480_000])
def test_every_row_is_a_posterior(engine: CompactEngine, samples: int) -> None:
    (answer,) = engine.score([noise(samples)])
    assert answer.probabilities.shape == (9,)
    assert answer.probabilities.dtype == np.float32
    assert answer.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert answer.steps.shape == (min(30, max(1, samples // 1_600)), 9)
    assert answer.steps.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (answer.probabilities >= 0).all()
    assert answer.embedding is not None
    assert np.isfinite(answer.embedding).all()


def test_a_score_does_not_depend_on_the_batch(engine: CompactEngine) -> None:
    windows = [
        babble(0.3),
        noise(400),
        babble(3.0),
        babble(1.0),
        noise(16_000),
        babble(3.0, seed=9),
    ]
    together = engine.score(windows)
    for window, answer in zip(windows, together, strict=True):
        (alone,) = engine.score([window])
        assert np.allclose(alone.probabilities, answer.probabilities, atol=1e-5)
        assert np.allclose(alone.steps, answer.steps, atol=1e-5)


def test_an_empty_batch_has_no_answers(engine: CompactEngine) -> None:
    assert engine.score([]) == []


@pytest.mark.parametrize("gain", [0.01, 0.3, 5.0])
def test_the_level_is_no_cue(engine: CompactEngine, gain: float) -> None:
    window = babble(2.0)
    plain, scaled = engine.score([window, (gain * window).astype(np.float32)])
    assert np.allclose(plain.probabilities, scaled.probabilities, atol=5e-3)


def tone(hz: float) -> NDArray[np.float32]:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(48_000) / RATE_HZ)).astype(np.float32)


@pytest.mark.parametrize("samples", [16_000, 48_000])
@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(48_000, dtype=np.float32),
        noise(48_000),
        noise(48_000) / 1000,
        *map(tone, (50, 200, 440, 1_000, 3_000)),
    ],
    ids=["silence", "noise", "faint noise", "50 Hz", "200 Hz", "440 Hz", "1 kHz", "3 kHz"],
)
def test_what_is_not_speech_is_not_angry(
    engine: CompactEngine, sound: NDArray[np.float32], samples: int
) -> None:
    (answer,) = engine.score([sound[:samples]])
    assert answer.probabilities[ANGRY] < 0.5
    assert (answer.steps[:, ANGRY] < 0.5).all()


def test_a_label_without_training_data_is_never_said(engine: CompactEngine) -> None:
    assert engine.score([babble(1.0)])[0].probabilities[OTHER] == 0


def test_the_last_step_hears_the_last_second_only(engine: CompactEngine) -> None:
    assert step_positions(3 * RATE_HZ, 47, 10)[-1][0] > 28
    (answer,) = engine.score([np.concatenate([babble(2.0), noise(16_000)])])
    assert not np.allclose(answer.steps[-1], answer.probabilities, atol=1e-3)
    assert not np.allclose(answer.steps[0], answer.steps[-1], atol=1e-3)


@pytest.mark.parametrize("samples", [400, 1_600, 1_601, 15_999, 16_000, 48_000, 160_000])
def test_every_step_pools_at_least_one_position_inside_the_window(samples: int) -> None:
    positions = 1 + max(0, (samples - 640) // 256) // 4
    stretches = step_positions(samples, positions, 10)
    assert all(0 <= start < end <= positions for start, end in stretches)
    assert stretches == sorted(stretches)
    assert stretches[-1][1] == positions


@pytest.mark.parametrize(
    "window", [np.zeros(399, dtype=np.float32), np.zeros((16_000, 2), dtype=np.float32)]
)
def test_what_is_not_a_window_is_refused(
    engine: CompactEngine, window: NDArray[np.float32]
) -> None:
    with pytest.raises(EngineError, match="400 samples"):
        engine.score([window])


def test_scoring_before_loading_is_refused() -> None:
    with pytest.raises(EngineError, match="before it was loaded"):
        CompactEngine().score([noise(16_000)])


@pytest.mark.parametrize("content", [None, b"", b"not weights"])
def test_unusable_weights_are_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "weights.npz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(EngineError, match=str(file)):
        CompactEngine(file).load()


def test_weights_of_another_shape_are_refused(tmp_path: Path, engine: CompactEngine) -> None:
    shipped = files("tonewatch.inference.engines.compact") / "weights.npz"
    with shipped.open("rb") as file, np.load(file) as stored:
        arrays = {name: stored[name] for name in stored.files}
    arrays["joint.weight"] = arrays["joint.weight"][:-1]
    np.savez(tmp_path / "cut.npz", **arrays)
    with pytest.raises(EngineError, match=r"cut\.npz"):
        CompactEngine(tmp_path / "cut.npz").load()


def test_the_weights_are_small_and_say_what_they_are(engine: CompactEngine) -> None:
    shipped = files("tonewatch.inference.engines.compact") / "weights.npz"
    assert len(shipped.read_bytes()) < 5_000_000
    assert engine.name == "compact"
    assert engine.model == "tonewatch-compact-1"
    assert len(engine.revision) == 12
