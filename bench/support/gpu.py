"""The engine on a GPU, where there is one: against FunASR's loop, in tracks, against matmul."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tonewatch.inference.engines._funasr import load_model
from tonewatch.inference.engines.emotion2vec import Emotion2vecEngine

WINDOW_SAMPLES = 48_000
BATCH = 64
LATENCY_SECONDS = 0.5
FLOPS_PER_WINDOW = 2 * 151e6 * 159 + 2 * 3.3e9
"""Multiply-adds, twice: 151 M weights used for each of 159 tokens, and the convolutions."""


class OnGpu(NamedTuple):
    """None where there is no GPU."""

    gpu_ratio: float | None
    gpu_tracks: float | None
    matmul_fraction: float | None


def measure(directory: Path, scratch: Path) -> OnGpu:
    """Windows of 3 s: FunASR's loop in float32 against batches in bfloat16, on the same GPU.

    A track needs a window a second, and its score within half a second: the time that it waits for
    the batch before its own, and its own batch's.
    """
    import torch  # noqa: PLC0415 - only where the engine runs

    if not torch.cuda.is_available():
        return OnGpu(None, None, None)
    made = np.random.default_rng(0)
    windows = list(made.standard_normal((BATCH, WINDOW_SAMPLES), dtype=np.float32))
    theirs: Any = load_model(directory, "cuda", 0)
    loop_seconds = _best(lambda: [theirs.generate(window) for window in windows[:8]]) / 8
    engine = Emotion2vecEngine(str(directory), models_dir=scratch, device="cuda", precision="bf16")
    engine.load()
    batch_seconds = _best(lambda: engine.score(windows), rounds=20)
    per_second = BATCH / batch_seconds
    fits = 2 * batch_seconds < LATENCY_SECONDS
    return OnGpu(
        loop_seconds * per_second,
        per_second if fits else None,
        per_second * FLOPS_PER_WINDOW / _matmul_flops(torch),
    )


def _best(call: Callable[[], object], rounds: int = 5) -> float:
    call()
    shortest = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        call()
        shortest = min(shortest, time.perf_counter() - started)
    return shortest


def _matmul_flops(torch: Any) -> float:
    """What a large product in bfloat16 reaches on this GPU, per second."""
    size = 8192
    left = torch.randn(size, size, device="cuda", dtype=torch.bfloat16)

    def product() -> None:
        left @ left
        torch.cuda.synchronize()

    return float(2 * size**3 / _best(product))
