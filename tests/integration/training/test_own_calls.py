"""`tonewatch-train adapt` and `distil` on a few synthetic recordings, to weights that load."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="training needs torch")

from tests.support.audio import speech_like_pcm  # noqa: E402
from tonewatch.inference.engines.compact import CompactEngine  # noqa: E402
from tonewatch.training.export import write_weights  # noqa: E402
from tonewatch.training.main import SHIPPED, app  # noqa: E402
from tonewatch.training.network import Head  # noqa: E402

RATE_HZ = 16_000
BRIEF = ["--epochs", "1", "--threads", "1"]


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("before")
    torch.manual_seed(1)
    write_weights(SHIPPED / "ear.onnx", Head(), 1.0, {"model": "before"}, folder)
    return folder


def record(path: Path, seconds: float, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pcm = np.frombuffer(speech_like_pcm(seconds, seed=seed), dtype="<i2")
    soundfile.write(path, pcm, RATE_HZ, subtype="PCM_16")


def train(*arguments: str | Path) -> str:
    done = CliRunner().invoke(app, [*map(str, arguments), *BRIEF])
    assert done.exit_code == 0, done.output
    return done.output


def model_of(weights: Path) -> str:
    engine = CompactEngine(weights)
    engine.load()
    assert engine.score([np.zeros(RATE_HZ, dtype=np.float32)])[0].probabilities.sum() > 0.99
    return engine.model


def test_labelled_calls_adapt_the_weights(tmp_path: Path, before: Path) -> None:
    calls, out = tmp_path / "calls", tmp_path / "out"
    for number, emotion in enumerate(["angry", "sad"] * 3):
        record(calls / emotion / f"{number}.wav", 1.5, number)
    printed = train("adapt", calls, "--out", out, "--from", before)
    assert "5 clips teach, 1 judge" in printed
    assert "before" in printed.splitlines()[-1]
    assert model_of(out) == "tonewatch-compact-adapted"
    assert {path.name for path in out.iterdir()} >= {"before", "after", "about.json", "head.onnx"}


def test_unlabelled_calls_teach_what_a_larger_model_says(tmp_path: Path, before: Path) -> None:
    calls, out = tmp_path / "calls", tmp_path / "out"
    for number in range(2):
        record(calls / f"{number}.wav", 7.0, number)
    printed = train("distil", calls, "--out", out, "--from", before, "--teacher", "fake")
    assert "agreement with the teacher" in printed
    assert model_of(out) == "tonewatch-compact-distilled"


def test_calls_without_enough_recordings_are_refused(tmp_path: Path, before: Path) -> None:
    command = ["distil", str(tmp_path), "--out", str(tmp_path), "--from", str(before)]
    done = CliRunner().invoke(app, [*command, "--teacher", "fake"])
    assert done.exit_code == 1
    assert "two are the least" in done.output
