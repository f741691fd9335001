"""emotion2vec in torch and ONNX Runtime, in every precision: the same answers, or a reason."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.audio import speech_like_pcm
from tests.support.emotion2vec import loaded
from tonewatch.inference.engines import _parity
from tonewatch.inference.engines._runner import Answers, Floats, plan
from tonewatch.inference.engines.base import Waveform, WindowScore
from tonewatch.inference.engines.emotion2vec import Emotion2vecEngine
from tonewatch.inference.host import waveform
from tonewatch.shared.errors import EngineError

SPEECH = waveform(speech_like_pcm(12))


@pytest.fixture(scope="module", autouse=True)
def _needs_onnx() -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def exact(model_dir: Path) -> Emotion2vecEngine:
    return loaded(model_dir, backend="torch")


def windows() -> list[Waveform]:
    lengths = (400, 8_000, 48_000, 48_000, 48_000, 48_000, 48_000, 170_000)
    return [np.roll(SPEECH, -9_000 * n)[:length] for n, length in enumerate(lengths)]


def difference(one: Sequence[WindowScore], other: Sequence[WindowScore]) -> float:
    return max(
        float(np.abs(a - b).max())
        for x, y in zip(one, other, strict=True)
        for a, b in ((x.probabilities, y.probabilities), (x.steps, y.steps))
    )


@pytest.mark.parametrize(
    ("precision", "backend", "runs_in", "tolerance"),
    [
        ("auto", "auto", "onnx", 1e-5),
        ("fp32", "onnx", "onnx", 1e-5),
        ("bf16", "auto", "torch", 0.05),
        ("int8", "auto", "onnx", 0.05),
    ],
)
def test_every_way_answers_as_torch_in_float32(
    model_dir: Path,
    exact: Emotion2vecEngine,
    precision: str,
    backend: str,
    runs_in: str,
    tolerance: float,
) -> None:
    engine = loaded(model_dir, precision=precision, backend=backend)
    assert (engine.backend, engine.dimension) == (runs_in, 64)
    expected, found = exact.score(windows()), engine.score(windows())
    assert difference(found, expected) < tolerance
    if tolerance > 1e-3:
        assert difference(found, expected) > 1e-6, "it is not what it says it is"
    for a, b in zip(found, expected, strict=True):
        assert a.embedding is not None
        assert b.embedding is not None
        assert np.abs(a.embedding - b.embedding).max() < 20 * tolerance


def exports(folder: Path) -> list[Path]:
    return sorted(folder.glob("tonewatch-*.onnx"))


def test_an_export_is_made_once_and_a_damaged_one_again(model_dir: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(model_dir, tmp_path / "model", ignore=_no_exports))
    told: list[str] = []
    loaded(folder, report=told.append)
    (path,) = exports(folder)
    assert any("exporting" in line for line in told)
    made_at = path.stat().st_mtime_ns
    told.clear()
    loaded(folder, report=told.append)
    assert path.stat().st_mtime_ns == made_at
    assert not any("exporting" in line for line in told)
    path.write_bytes(path.read_bytes()[:-1_000])
    engine = loaded(folder)
    assert engine.backend == "onnx"
    assert len(path.read_bytes()) > 1_000
    assert list(folder.glob(".tonewatch-export-*")) == []


def _no_exports(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name.endswith(".onnx")]


def test_an_export_of_other_weights_is_not_trusted(
    model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each start compares; where two attempts differ, torch computes."""
    folder = Path(shutil.copytree(model_dir, tmp_path / "model", ignore=_no_exports))
    monkeypatch.setattr(_parity, "_difference", lambda *_: 0.5)
    assert loaded(folder).backend == "torch"
    with pytest.raises(EngineError, match="int8"):
        loaded(folder, precision="int8")


def test_where_the_models_folder_is_read_only_the_export_lies_in_the_other(
    model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(model_dir, tmp_path / "model", ignore=_no_exports))
    made = Path.mkdir

    def refuse(self: Path, *arguments: Any, **options: Any) -> None:
        if self == folder:
            raise PermissionError(30, "Read-only file system")
        made(self, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", refuse)
    engine = Emotion2vecEngine(str(folder), models_dir=tmp_path / "models", device="cpu", threads=1)
    engine.load()
    assert engine.backend == "onnx"
    assert exports(folder) == []
    assert len(exports(tmp_path / "models" / "onnx")) == 1


class SmallMemory:
    """A GPU that holds `rows` windows at once."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.calls: list[int] = []

    def run(self, batch: Floats) -> Answers:
        self.calls.append(len(batch))
        if len(batch) > self.rows:
            raise MemoryError("CUDA out of memory")
        rows = np.full((len(batch), 9), 1 / 9, dtype=np.float32)
        rows[:, 0] += batch.mean(axis=1)
        return Answers(rows, np.repeat(rows[:, np.newaxis], 149, axis=1), rows)


def test_out_of_memory_halves_the_batch_and_keeps_the_order(
    exact: Emotion2vecEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = SmallMemory(1)
    monkeypatch.setattr(exact, "_runner", small)
    monkeypatch.setattr(exact, "_normalises", False)
    batch = [np.full(48_000, n / 100, dtype=np.float32) for n in range(4)]
    answers = exact.score(batch)
    assert small.calls == [4, 2, 1, 1, 2, 1, 1]
    assert [round(float(answer.probabilities[0] - 1 / 9), 2) for answer in answers] == [
        0.0,
        0.01,
        0.02,
        0.03,
    ]


def test_out_of_memory_for_one_window_is_a_sentence(
    exact: Emotion2vecEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exact, "_runner", SmallMemory(0))
    with pytest.raises(EngineError, match="no memory for a window of 3 s"):
        exact.score([SPEECH[:48_000]])


@pytest.mark.parametrize(
    ("device", "precision", "backend", "sentence"),
    [
        ("cpu", "fp16", "auto", "fp16 needs a GPU"),
        ("cpu", "bf16", "onnx", "bf16 on a CPU runs in torch"),
        ("cpu", "int8", "torch", "int8 runs in ONNX Runtime"),
        ("cuda", "int8", "auto", "are for the CPU"),
        ("cuda", "auto", "onnx", "are for the CPU"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    device: str, precision: str, backend: str, sentence: str
) -> None:
    with pytest.raises(EngineError, match=sentence):
        plan(device, precision, backend)


@pytest.mark.parametrize("precision", ["auto", "fp32", "bf16", "fp16"])
def test_a_gpu_computes_in_torch(precision: str) -> None:
    expected = "fp32" if precision == "auto" else precision
    assert plan("cuda", precision, "auto") == ("cuda", expected, "torch")
