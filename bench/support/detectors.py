"""The detectors that `bench/vad.py` sets beside ingest's: each says of every 20 ms if it is speech.

WebRTC's in its modes 1 to 3 as ingest had it before (mode 2, and nothing below -60 dBFS), and the
best of it with an adaptive floor and smoothing. Earshot where it is installed (`pip install
earshot`), and the original of ingest's network in ONNX Runtime if its file is given.
"""

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from tonewatch.ingest.audio import VoiceDetector
from tonewatch.shared.messages import FRAME_BYTES, SAMPLE_RATE_HZ

Hear = Callable[[bytes], list[bool]]
"""Hears the next second of a track."""

CHUNK_SAMPLES: Final = 320
BEFORE: Final = "webrtc 2"
OURS: Final = "ingest"
HOP_SAMPLES: Final = 512
FLOOR_DBFS: Final = -60.0
ABOVE_NOISE_DB: Final = 6.0
NOISE_CHUNKS, ONSET_CHUNKS, HANGOVER_CHUNKS = 150, 3, 8


def detectors(silero_onnx: Path | None) -> dict[str, Callable[[], Hear]]:
    """By name; each call makes one for a new track."""
    found: dict[str, Callable[[], Hear]] = {
        f"webrtc {mode}": partial(_webrtc, mode) for mode in (1, 2, 3)
    }
    found["webrtc 3 adaptive"] = partial(_adaptive, 3)
    if find_spec("earshot") is not None:
        found["earshot"] = _earshot
    if silero_onnx is not None:
        found["silero onnxruntime"] = partial(_onnxruntime, silero_onnx)
    found[OURS] = lambda: VoiceDetector().voiced
    return found


def seconds(pcm: bytes) -> Iterator[bytes]:
    """The audio as it comes to ingest."""
    return (pcm[at : at + FRAME_BYTES] for at in range(0, len(pcm), FRAME_BYTES))


def _webrtc(mode: int) -> Hear:
    vad = webrtcvad.Vad(mode)

    def hear(pcm: bytes) -> list[bool]:
        levels = _levels_dbfs(pcm)
        size = 2 * CHUNK_SAMPLES
        return [
            level > FLOOR_DBFS
            and vad.is_speech(pcm[index * size : (index + 1) * size], SAMPLE_RATE_HZ)
            for index, level in enumerate(levels)
        ]

    return hear


def _adaptive(mode: int) -> Hear:
    """Also well above the quietest tenth of the last 3 s, 60 ms long, and held for 160 ms."""
    plain = _webrtc(mode)
    levels: deque[float] = deque(maxlen=NOISE_CHUNKS)
    run = hold = 0

    def hear(pcm: bytes) -> list[bool]:
        nonlocal run, hold
        answers = []
        for voiced, level in zip(plain(pcm), _levels_dbfs(pcm), strict=True):
            levels.append(level)
            floor_dbfs = sorted(levels)[len(levels) // 10]
            heard = voiced and level > floor_dbfs + ABOVE_NOISE_DB
            run = run + 1 if heard else 0
            hold = HANGOVER_CHUNKS if run >= ONSET_CHUNKS else max(0, hold - (not heard))
            answers.append(hold > 0)
        return answers

    return hear


def _earshot() -> Hear:
    detector = import_module("earshot").Detector()
    return _steps(256, lambda samples: [detector.predict_i16(each) for each in samples])


def _onnxruntime(file: Path) -> Hear:
    """The whole second at once, which is the fastest way there."""
    runtime = import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    hidden: Any = np.zeros((1, 1, 128), dtype=np.float32)
    cell: Any = np.zeros_like(hidden)
    context: Any = np.zeros(64, dtype=np.float32)

    def score(samples: NDArray[np.int16]) -> list[float]:
        nonlocal hidden, cell, context
        chunks = samples.astype(np.float32) / 32768
        before = np.concatenate((context[None], chunks[:-1, -64:]))
        context = chunks[-1, -64:]
        heard = {"input": np.concatenate((before, chunks), axis=1), "h": hidden, "c": cell}
        answers, hidden, cell = session.run(["speech_probs", "hn", "cn"], heard)
        found: list[float] = answers.tolist()
        return found

    return _steps(HOP_SAMPLES, score)


def _steps(size: int, score: Callable[[NDArray[np.int16]], list[float]]) -> Hear:
    """A detector with steps of its own size; what is left over waits for the next second."""
    pending = np.zeros(0, dtype=np.int16)
    newest = 0.0

    def hear(pcm: bytes) -> list[bool]:
        nonlocal pending, newest
        heard = np.concatenate((pending, np.frombuffer(pcm, dtype="<i2")))
        whole = len(heard) // size * size
        known = [newest, *score(heard[:whole].reshape(-1, size))]
        middles = range(len(pending) + CHUNK_SAMPLES // 2, len(heard), CHUNK_SAMPLES)
        answers = [known[min(1 + middle // size, len(known) - 1)] >= 0.5 for middle in middles]
        pending, newest = heard[whole:], known[-1]
        return answers

    return hear


def _levels_dbfs(pcm: bytes) -> list[float]:
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32).reshape(-1, CHUNK_SAMPLES)
    power = np.square(samples / 32768).mean(axis=1)
    levels: list[float] = (10 * np.log10(power + 1e-10)).tolist()
    return levels
