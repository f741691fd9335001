"""The ear: log-mel frames to what two speech encoders hear, and which moments are worth hearing.

The encoders are fixed. Only the head above them is trained, so training computes what they hear
once, with this very code.
"""

from collections.abc import Sequence
from math import ceil
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tonewatch.inference.engines.compact import features
from tonewatch.inference.engines.compact.features import FloatArray

LONGEST_SECONDS: Final = 8
"""The encoders have no positions for more."""

FRAMES_PER_POSITION: Final = 2

_QUIETEST: Final = 10**-3.5
"""Power of a pause, relative to the loud moments of the window: 35 dB below."""
_LOUD: Final = 0.95

Flags = NDArray[np.bool_]


class Ear:
    """The encoders, from the bytes of their ONNX file."""

    def __init__(self, content: bytes) -> None:
        self._session = session(content)

    def hear(self, frames: features.Frames) -> FloatArray:
        """States of both encoders, (positions, channels), one position every 20 ms."""
        (heard,) = self._session.run(None, {"mel": features.normalise(frames)[np.newaxis]})
        found: FloatArray = heard[0]
        return found


def session(content: bytes) -> Any:
    """An ONNX Runtime session with one thread: workers share processors, and products are small."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # lengths differ
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def position_count(samples: int) -> int:
    """How many positions the ear has for so many samples: one every 20 ms."""
    return ceil(features.frame_count(samples) / FRAMES_PER_POSITION)


def loud_positions(frames: features.Frames) -> Flags:
    """Which positions are no pause, (positions,)."""
    power = np.pad(frames.power, (0, len(frames.power) % FRAMES_PER_POSITION), mode="edge")
    power = power.reshape(-1, FRAMES_PER_POSITION).mean(axis=1)
    return np.asarray(power >= _QUIETEST * np.quantile(power, _LOUD))


def pooling(loud: Flags, stretches: Sequence[tuple[int, int]]) -> FloatArray:
    """How much positions count in stretches [start, end): (stretches, positions), rows sum to 1.

    Pauses do not count, unless a stretch is nothing but a pause.
    """
    weights = np.zeros((len(stretches), len(loud)), dtype=np.float32)
    for row, (start, end) in enumerate(stretches):
        weights[row, start:end] = loud[start:end] if loud[start:end].any() else 1
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)
