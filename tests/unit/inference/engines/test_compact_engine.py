"""The compact engine keeps the engines' contract with the weights that ship in the wheel."""

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tonewatch.inference.engines.compact import CompactEngine
from tonewatch.inference.engines.compact.ear import position_count
from tonewatch.inference.engines.compact.engine import (
    ABOUT_FILE,
    EAR_FILE,
    HEAD_FILE,
    step_positions,
)
from tonewatch.shared.emotions import EMOTIONS, Emotion
from tonewatch.shared.errors import EngineError

RATE_HZ = 16_000
SHIPPED = files("tonewatch.inference.engines.compact") / "weights"
ANGRY = EMOTIONS.index(Emotion.ANGRY)


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


def test_the_last_step_hears_the_last_second_only(engine: CompactEngine) -> None:
    assert step_positions(3 * RATE_HZ, 10)[-1] == (100, position_count(3 * RATE_HZ))
    (answer,) = engine.score([np.concatenate([babble(2.0), noise(16_000)])])
    assert not np.allclose(answer.steps[-1], answer.probabilities, atol=1e-3)
    assert not np.allclose(answer.steps[0], answer.steps[-1], atol=1e-3)


@pytest.mark.parametrize("samples", [400, 1_600, 1_601, 15_999, 16_000, 48_000, 160_000])
def test_every_step_pools_at_least_one_position_inside_the_window(samples: int) -> None:
    positions = position_count(samples)
    stretches = step_positions(samples, 10)
    assert all(0 <= start < end <= positions for start, end in stretches)
    assert stretches == sorted(stretches)
    assert stretches[-1][1] == positions


def test_what_is_longer_than_the_encoder_reaches_is_heard_in_pieces(engine: CompactEngine) -> None:
    first, last = babble(7.0, seed=4), noise(7 * RATE_HZ)
    whole, one, other = engine.score([np.concatenate([first, last]), first, last])
    expected = (one.probabilities + other.probabilities) / 2
    assert np.allclose(whole.probabilities, expected, atol=1e-5)
    assert np.allclose(whole.steps, other.steps, atol=1e-5)


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


def copy_of_the_weights(folder: Path) -> Path:
    for name in (EAR_FILE, HEAD_FILE, ABOUT_FILE):
        (folder / name).write_bytes((SHIPPED / name).read_bytes())
    return folder


@pytest.mark.parametrize("name", [EAR_FILE, HEAD_FILE, ABOUT_FILE])
@pytest.mark.parametrize("content", [None, b"", b"not weights"])
def test_unusable_weights_are_named(tmp_path: Path, name: str, content: bytes | None) -> None:
    file = copy_of_the_weights(tmp_path) / name
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(EngineError, match=str(tmp_path)):
        CompactEngine(tmp_path).load()


def test_weights_with_other_labels_are_refused(tmp_path: Path) -> None:
    about = copy_of_the_weights(tmp_path) / ABOUT_FILE
    about.write_text(about.read_text(encoding="utf-8").replace('"angry"', '"furious"'))
    with pytest.raises(EngineError, match="furious"):
        CompactEngine(tmp_path).load()


def test_another_folder_of_weights_is_used(tmp_path: Path, engine: CompactEngine) -> None:
    about = copy_of_the_weights(tmp_path) / ABOUT_FILE
    card = json.loads(about.read_text(encoding="utf-8"))
    about.write_text(json.dumps({**card, "model": "ours"}), encoding="utf-8")
    other = CompactEngine(tmp_path)
    other.load()
    assert (other.model, other.revision) == ("ours", engine.revision)


def test_what_the_weights_may_be_used_for_is_said_when_they_are_loaded() -> None:
    said: list[str] = []
    CompactEngine(report=said.append).load()
    assert any("research and evaluation" in line for line in said)
    assert (SHIPPED / "LICENSE").is_file()


def test_the_weights_are_small_and_say_what_they_are(engine: CompactEngine) -> None:
    sizes = [len((SHIPPED / name).read_bytes()) for name in (EAR_FILE, HEAD_FILE)]
    assert sum(sizes) < 25_000_000
    assert engine.name == "compact"
    assert engine.model == "tonewatch-compact-2"
    assert len(engine.revision) == 12


def test_steps_can_be_finer(engine: CompactEngine) -> None:
    fine = CompactEngine(steps_per_second=50)
    fine.load()
    window = babble(1.0)
    (answer,), (coarse,) = fine.score([window]), engine.score([window])
    assert answer.steps.shape == (50, 9)
    assert np.allclose(answer.steps[-1], coarse.steps[-1], atol=1e-5)
