"""emotion2vec through FunASR's own code, on a small model with random weights.

Our batched forward must agree with FunASR's clip-by-clip inference, and what FunASR loads without a
word (no weights, other shapes) must be refused in one sentence.
"""

import random
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scripts.make_random_emotion2vec import LABELS, make
from tests.support.audio import speech_like_pcm
from tests.support.emotion2vec import loaded
from tonewatch.inference.engines import _funasr
from tonewatch.inference.engines.base import Waveform
from tonewatch.inference.engines.emotion2vec import Emotion2vecEngine
from tonewatch.inference.host import waveform
from tonewatch.shared.errors import EngineError

SPEECH = waveform(speech_like_pcm(11))
LENGTHS = (400, 5_000, 16_000, 16_000, 48_000, 48_000, 48_000, 170_000)

Spoil = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def copy(model_dir: Path, tmp_path: Path) -> Path:
    """The same directory, to be damaged."""
    return Path(shutil.copytree(model_dir, tmp_path / "model"))


@pytest.fixture(scope="module")
def engine(model_dir: Path) -> Emotion2vecEngine:
    return loaded(model_dir)


def windows() -> list[Waveform]:
    """Different audio in each, some of equal length."""
    return [np.roll(SPEECH, -7_000 * n)[:length] for n, length in enumerate(LENGTHS)]


@pytest.fixture(scope="module")
def by_funasr(model_dir: Path) -> list[np.ndarray[Any, Any]]:
    """What FunASR's own inference answers, clip by clip."""
    model = _funasr.load_model(model_dir, "cpu", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answers = [
            model.generate(clip, granularity="utterance", extract_embedding=True)[0]
            for clip in windows()
        ]
    assert [answer["labels"] for answer in answers] == [list(LABELS)] * len(LENGTHS)
    return [np.array(answer["scores"]) for answer in answers]


def test_a_batch_agrees_with_funasr_clip_by_clip(
    engine: Emotion2vecEngine, by_funasr: list[np.ndarray[Any, Any]]
) -> None:
    answers = engine.score(windows())
    assert len({tuple(expected.round(4)) for expected in by_funasr}) == len(LENGTHS)
    for answer, expected in zip(answers, by_funasr, strict=True):
        assert np.abs(answer.probabilities - expected).max() < 1e-5


def test_a_window_is_scored_alike_alone_and_in_company(engine: Emotion2vecEngine) -> None:
    together = engine.score(windows())
    for window, answer in zip(windows(), together, strict=True):
        (alone,) = engine.score([window])
        assert np.abs(alone.probabilities - answer.probabilities).max() < 1e-5
        assert np.abs(alone.steps - answer.steps).max() < 1e-5


def test_steps_are_posteriors_of_tenths_of_the_last_seconds(engine: Emotion2vecEngine) -> None:
    for answer, length in zip(engine.score(windows()), LENGTHS, strict=True):
        assert answer.steps.shape == (max(1, min(48_000, length) // 1_600), 9)
        assert np.allclose(answer.steps.sum(axis=1), 1, atol=1e-5)
    *_, long = engine.score(windows())
    assert np.abs(np.diff(long.steps, axis=0)).max() > 1e-4


def test_more_than_thirty_seconds_are_cut_to_the_last_thirty(engine: Emotion2vecEngine) -> None:
    long = np.tile(SPEECH, 3)
    (whole,), (cut,) = engine.score([long]), engine.score([long[-480_000:]])
    assert np.array_equal(whole.probabilities, cut.probabilities)


def test_loudness_is_no_cue(engine: Emotion2vecEngine) -> None:
    (loud,), (quiet,) = (
        engine.score([SPEECH[:48_000]]),
        engine.score([SPEECH[:48_000] * np.float32(1 / 64)]),
    )
    assert np.abs(loud.probabilities - quiet.probabilities).max() < 1e-3


def test_loading_leaves_the_random_generators_alone(model_dir: Path) -> None:
    import torch

    random.seed(5)
    torch.manual_seed(5)
    expected = (random.random(), torch.rand(1).item())
    random.seed(5)
    torch.manual_seed(5)
    loaded(model_dir)
    assert (random.random(), torch.rand(1).item()) == expected


def test_other_labels_in_another_order_are_mapped_by_text(
    copy: Path, engine: Emotion2vecEngine
) -> None:
    """The same weights under turned labels answer the same numbers at turned places."""
    (copy / "tokens.txt").write_text("\n".join(reversed(LABELS)) + "\n", encoding="utf-8")
    (turned,), (straight,) = loaded(copy).score([SPEECH[:16_000]]), engine.score([SPEECH[:16_000]])
    assert np.allclose(turned.probabilities, straight.probabilities[::-1], atol=1e-6)


def test_other_weights_have_another_revision(copy: Path, engine: Emotion2vecEngine) -> None:
    make(copy, tiny=True, seed=1)
    assert loaded(copy).revision != engine.revision
    assert len(engine.revision) == 12


@pytest.mark.parametrize("name", ["config.yaml", "tokens.txt", "model.pt"])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(EngineError, match=f"has no {name}"):
        loaded(copy)


def test_a_path_that_does_not_exist_is_not_taken_for_a_hub_id(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="there is no model directory"):
        loaded(tmp_path / "nowhere")


def test_an_empty_checkpoint_file_is_refused(copy: Path) -> None:
    (copy / "model.pt").write_bytes(b"version https://git-lfs.github.com/spec/v1")
    with pytest.raises(EngineError, match="has only 42 bytes"):
        loaded(copy)


def test_a_truncated_checkpoint_is_refused(copy: Path) -> None:
    content = (copy / "model.pt").read_bytes()
    (copy / "model.pt").write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(EngineError, match="truncated or damaged"):
        loaded(copy)


def test_five_labels_are_refused(copy: Path) -> None:
    (copy / "tokens.txt").write_text("\n".join(LABELS[4:]) + "\n", encoding="utf-8")
    with pytest.raises(EngineError, match="the model has 5 labels"):
        loaded(copy)


def test_code_in_the_configuration_is_never_run(copy: Path) -> None:
    text = (copy / "config.yaml").read_text(encoding="utf-8")
    before, _, after = text.partition("feature_encoder_spec: ")
    evil = "__import__('os').abort()"
    (copy / "config.yaml").write_text(
        f'{before}feature_encoder_spec: "{evil}"\n{after.partition(chr(10))[2]}', encoding="utf-8"
    )
    with pytest.raises(EngineError, match="no list of numbers"):
        loaded(copy)


def test_the_configuration_of_another_model_is_refused(copy: Path) -> None:
    text = (copy / "config.yaml").read_text(encoding="utf-8")
    (copy / "config.yaml").write_text(text.replace("model: Emotion2vec", "model: Paraformer"))
    with pytest.raises(EngineError, match="of kind Paraformer"):
        loaded(copy)


def _without_head(state: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in state.items() if "proj.weight" not in name}


def _other_shape(state: dict[str, Any]) -> dict[str, Any]:
    name = next(name for name in state if name.endswith("blocks.0.mlp.fc1.weight"))
    return state | {name: state[name][:-1].clone()}


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_without_head, "lacks the weights"),
        (_other_shape, "has the shape"),
        (lambda _: {"padding": __import__("torch").zeros(50_000)}, "lacks the weights"),
    ],
)
def test_weights_of_another_model_are_refused(copy: Path, spoil: Spoil, sentence: str) -> None:
    """FunASR loads each of these without an error, and answers with random scores."""
    import torch

    state = torch.load(copy / "model.pt", weights_only=True)["model"]
    torch.save({"model": spoil(state)}, copy / "model.pt")
    with pytest.raises(EngineError, match=sentence):
        loaded(copy)


def test_cuda_is_an_error_where_there_is_none(model_dir: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(EngineError, match="torch finds no usable GPU"):
        loaded(model_dir, device="cuda")
    assert loaded(model_dir, device="auto").device == "cpu"


def test_the_engines_are_not_imported_until_they_are_asked_for() -> None:
    import subprocess

    code = (
        "import sys, tonewatch.inference.main, tonewatch.inference.engines.emotion2vec;"
        "print([m for m in ('torch', 'funasr', 'onnxruntime', 'modelscope') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
