"""emotion2vec+ in Tonewatch's engine against FunASR's own loop: the same numbers, and how fast.

FunASR's loop is `AutoModel.generate` clip by clip with its default threads. Speeds are ratios of
pairs measured one after the other in one run. Without `--model` a model of full size with random
weights is made (scripts/make_random_emotion2vec.py); speed and parity do not depend on the values.

Random weights give nearly flat posteriors, among which a top label says little. So the agreement
of a setting with float32 is told of what a random linear head says of the clips' embeddings, each
dimension centred and scaled over all clips; beside it the mean KL divergence of that posterior.
"""

import argparse
import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from support import gpu
from support.figures import report
from support.models import RATE_HZ, clip, engine_of, make_model
from tonewatch.inference.engines._funasr import load_model
from tonewatch.inference.engines.base import Engine, Waveform
from tonewatch.inference.engines.factory import create_engine
from tonewatch.inference.settings import InferenceOptions

WINDOW_SAMPLES = 3 * RATE_HZ
LENGTHS_SECONDS = np.geomspace(0.5, 30, 20)
SETTINGS = ("fp32 torch", "fp32 onnx", "bf16 torch", "int8 onnx")
LEAST_AGREEMENT = 0.99

Floats = NDArray[np.float64]


class Measured(NamedTuple):
    """One setting beside float32 in torch and FunASR's loop."""

    name: str
    ratio: float
    difference: float
    agreement: float
    divergence: float

    def __str__(self) -> str:
        return (
            f"{self.ratio:.2f} x FunASR's loop, difference {self.difference:.1e}, agreement"
            f" {100 * self.agreement:.1f} %, KL {self.divergence:.1e}"
        )


def clips_of(folder: Path | None, count: int, longest_seconds: float) -> list[Waveform]:
    """Clips of 0.5 to 30 s, several of each length; of WAV files (16 kHz) if a folder is given."""
    lengths = [seconds for seconds in LENGTHS_SECONDS if seconds <= longest_seconds]
    wanted = [lengths[number % len(lengths)] for number in range(count)]
    if folder is None:
        return [clip(seconds, seed) for seed, seconds in enumerate(wanted)]
    import soundfile  # noqa: PLC0415 - comes with funasr; only for recordings

    found = []
    for path, seconds in zip(sorted(folder.rglob("*.wav")), wanted, strict=False):
        samples, rate_hz = soundfile.read(path, dtype="float32")
        if rate_hz == RATE_HZ and samples.ndim == 1:
            found.append(np.resize(samples, int(seconds * RATE_HZ)))
    return found


def funasr_loop(model: Any, windows: Sequence[Waveform]) -> Floats:
    """What FunASR answers, one clip after the other: (clips, 9)."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return np.array([model.generate(each)[0]["scores"] for each in windows])


def answers_of(engine: Engine, clips: Sequence[Waveform]) -> tuple[Floats, Floats]:
    """Posteriors and embeddings of all clips, handed over at once."""
    answers = engine.score(clips)
    embeddings = [np.zeros(1) if a.embedding is None else a.embedding for a in answers]
    return np.array([a.probabilities for a in answers]), np.array(embeddings)


def spread(embeddings: Floats, mean: Floats, deviation: Floats) -> Floats:
    """Posteriors of a random head that tells the clips apart."""
    head = np.random.default_rng(7).standard_normal((embeddings.shape[1], 9))
    logits = (embeddings - mean) / deviation @ head / np.sqrt(embeddings.shape[1]) * 3
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    posteriors: Floats = exponentials / exponentials.sum(axis=1, keepdims=True)
    return posteriors


def ratio_of(slow: Callable[[], Any], fast: Callable[[], Any], rounds: int) -> float:
    """The middle of the ratios of pairs, after one pair to warm up."""
    ratios = []
    for _ in range(rounds + 1):
        first = _seconds(slow)
        ratios.append(first / _seconds(fast))
    return statistics.median(ratios[1:])


def _seconds(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def measure(
    directory: Path, scratch: Path, clips: Sequence[Waveform], rounds: int
) -> tuple[float, list[Measured]]:
    """Largest difference to FunASR in float32, and every setting."""
    theirs = load_model(directory, "cpu", 0)
    windows = [clip(3, 1_000 + seed) for seed in range(8)]
    exact = engine_of(directory, SETTINGS[0], scratch)
    probabilities, embeddings = answers_of(exact, clips)
    parity = float(np.abs(probabilities - funasr_loop(theirs, clips)).max())
    exact.close()
    mean, deviation = embeddings.mean(axis=0), embeddings.std(axis=0) + 1e-9
    expected = spread(embeddings, mean, deviation)
    found = []
    for setting in SETTINGS:
        engine = engine_of(directory, setting, scratch)
        ours, features = answers_of(engine, clips)
        posteriors = spread(features, mean, deviation)
        found.append(
            Measured(
                setting,
                ratio_of(
                    lambda: funasr_loop(theirs, windows),
                    lambda engine=engine: engine.score(windows),  # type: ignore[misc]
                    rounds,
                ),
                float(np.abs(ours - probabilities).max()),
                float((posteriors.argmax(axis=1) == expected.argmax(axis=1)).mean()),
                float((expected * np.log(expected / posteriors)).sum(axis=1).mean()),
            )
        )
        engine.close()
    return parity, found


def import_seconds() -> float:
    """How long a fresh process takes to import FunASR."""
    code = "from funasr import AutoModel"
    run = [sys.executable, "-W", "ignore", "-c", code]
    return _seconds(lambda: subprocess.run(run, check=True, capture_output=True))


def soak(windows: int, scratch: Path) -> None:
    """Score so many windows of changing lengths; print how memory grew after the first tenth."""
    options = InferenceOptions(engine="emotion2vec", model=str(make_model(scratch, tiny=True)))
    engine = create_engine(options, scratch / "models", lambda _: None)
    engine.load()
    sounds = [clip(seconds, seed) for seed, seconds in enumerate((0.5, 1, 2, 3, 3, 3, 3, 10))]
    warm_up, before = windows // 10, 0
    for done in range(0, windows, len(sounds)):
        engine.score(sounds)
        if before == 0 and done >= warm_up:
            before = _resident_bytes()
    grown = _resident_bytes() / before - 1
    print(f"{windows} windows: memory grew by {100 * grown:.2f} % after the first {warm_up}")
    print(f'{{"soak_windows": {windows}, "soak_growth": {grown:.4f}}}')


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few and short clips")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--model", type=Path, help="a directory with a model of full size")
    parser.add_argument("--audio", type=Path, help="a folder of WAV files (16 kHz, mono)")
    parser.add_argument("--soak", type=int, metavar="N", help="only score N windows, watch memory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="twb-") as folder:
        scratch = Path(folder)
        if options.soak:
            soak(options.soak, scratch / "tiny")
            return
        directory = options.model or make_model(scratch / "model")
        clips = clips_of(options.audio, *((20, 5.0) if options.quick else (200, 30.0)))
        load_seconds = _seconds(lambda: engine_of(directory, "fp32 onnx", scratch).close())
        load_again_seconds = _seconds(lambda: engine_of(directory, "fp32 onnx", scratch).close())
        parity, found = measure(directory, scratch, clips, 2 if options.quick else 5)
        on_gpu = gpu.measure(directory, scratch)
    good = [each for each in found if each.agreement >= LEAST_AGREEMENT]
    best = max(good, key=lambda each: each.ratio)
    figures = {
        "parity_max_abs": parity,
        "cpu_fp32_ratio": max(each.ratio for each in found if each.name.startswith("fp32")),
        "cpu_best_ratio": best.ratio,
        "cpu_best_agreement": best.agreement,
        **on_gpu._asdict(),
        "import_s": import_seconds(),
        "first_load_s": load_seconds,
        "load_s": load_again_seconds,
    }
    rows = [(f"largest difference to FunASR over {len(clips)} clips", f"{parity:.1e}")]
    rows += [(each.name, str(each)) for each in found]
    rows += [
        ("best setting that keeps 99 %", best.name),
        ("first load with export, next load", f"{load_seconds:.0f} s, {load_again_seconds:.0f} s"),
        ("GPU", "none here" if on_gpu.gpu_ratio is None else f"{on_gpu.gpu_ratio:.1f} x"),
    ]
    report(rows, figures, options.json)


if __name__ == "__main__":
    main()
