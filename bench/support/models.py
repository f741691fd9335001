"""What benchmarks of engines share: sounds like voices, and a model of full size."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from tonewatch.inference.engines.base import Engine, Waveform

RATE_HZ = 16_000


def clip(seconds: float, seed: int) -> Waveform:
    """A voice-like sound: harmonics that glide, syllables, noise; different for each seed."""
    made = np.random.default_rng(seed)
    time_seconds = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    pitch_hz = made.uniform(80, 300) * (
        1 + 0.2 * np.sin(2 * np.pi * made.uniform(0.2, 3) * time_seconds)
    )
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    tilt = made.uniform(0.5, 2)
    voice = sum(np.sin(k * phase + made.uniform(0, 6)) / k**tilt for k in range(1, 16))
    syllables = 1 + np.sin(2 * np.pi * made.uniform(2, 6) * time_seconds)
    noise = made.uniform(0.01, 0.3) * made.standard_normal(len(time_seconds))
    return np.asarray(0.1 * voice * syllables + 0.1 * noise, dtype=np.float32)


def engine_of(directory: Path, setting: str, scratch: Path) -> Engine:
    """An engine that is loaded; "fp32 torch" is precision and backend."""
    from tonewatch.inference.engines.emotion2vec import (  # noqa: PLC0415 - only where it is needed
        Emotion2vecEngine,
    )

    precision, backend = setting.split()
    made = Emotion2vecEngine(
        str(directory), models_dir=scratch, device="cpu", precision=precision, backend=backend
    )
    made.load()
    return made


def make_model(folder: Path, *, tiny: bool = False) -> Path:
    """A model directory with random weights."""
    script = Path(__file__).parents[2] / "scripts" / "make_random_emotion2vec.py"
    command = [sys.executable, str(script), str(folder), *(["--tiny"] if tiny else [])]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder
