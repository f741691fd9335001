"""The compact network in numpy: a few convolutions over the features, pooled over time.

Every window is computed by itself, one matrix product per layer, so that a score can not depend
on what else is in the batch. `tonewatch.training.network` is the same network for training; a test
holds the two together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Final

import numpy as np

from tonewatch.inference.engines.compact.features import MEL_BANDS, FloatArray

HALVINGS: Final = 2
"""So many of the first layers halve the time resolution."""

TIME_STRIDE: Final = 2**HALVINGS
"""Trunk positions are this many feature frames apart."""

DILATIONS: Final = (1, 2, 4)


@dataclass(frozen=True, slots=True)
class Pooled:
    """What the head says about one stretch of time."""

    logits: FloatArray  # (classes,)
    embedding: FloatArray  # (dimensions,)


class NumpyNetwork:
    """Runs the trained weights; batch normalisation is folded into them at export."""

    def __init__(self, weights: Mapping[str, FloatArray]) -> None:
        self._weights = weights
        self._blocks = sum(f"block{i}.weight" in weights for i in range(len(DILATIONS)))

    def trunk(self, features: FloatArray) -> FloatArray:
        """Features (frames, 112) to trunk positions (ceil(frames / 4), channels)."""
        weights = self._weights
        inputs = features * weights["input.scale"] + weights["input.shift"]
        spectral = self._image("spectral", inputs[:, :MEL_BANDS])
        pitch = self._image("pitch", inputs[:, MEL_BANDS:])
        hidden = _relu(
            np.concatenate([spectral, pitch], axis=1) @ weights["joint.weight"]
            + weights["joint.bias"]
        )
        for index, dilation in zip(range(self._blocks), DILATIONS, strict=False):
            hidden = hidden + _relu(self._over_time(f"block{index}", hidden, dilation))
        return hidden

    def pool(self, hidden: FloatArray) -> Pooled:
        """Attention-weighted mean and deviation of trunk positions, and the head on top."""
        weights = self._weights
        attended = np.tanh(hidden @ weights["attention.hidden"] + weights["attention.bias"])
        importance = _softmax(attended @ weights["attention.score"])
        mean = importance @ hidden
        deviation = np.sqrt(np.maximum(importance @ hidden**2 - mean**2, 1e-4))
        pooled = np.concatenate([mean, deviation])
        embedding = _relu(pooled @ weights["embed.weight"] + weights["embed.bias"])
        return Pooled(embedding @ weights["classify.weight"] + weights["classify.bias"], embedding)

    def _image(self, branch: str, plane: FloatArray) -> FloatArray:
        hidden = plane[:, :, None]
        for layer in count():
            kernel = self._weights.get(f"{branch}{layer}.weight")
            if kernel is None:
                break
            stride = (2 if layer < HALVINGS else 1, 2)
            hidden = _relu(
                _convolve(hidden, kernel, stride) + self._weights[f"{branch}{layer}.bias"]
            )
        return hidden.reshape(len(hidden), -1)

    def _over_time(self, block: str, hidden: FloatArray, dilation: int) -> FloatArray:
        kernel = self._weights[f"{block}.weight"]  # (3, in, out)
        padded = np.pad(hidden, ((dilation, dilation), (0, 0)))
        taps = [padded[dilation * tap : dilation * tap + len(hidden)] for tap in range(len(kernel))]
        flat = kernel.reshape(-1, kernel.shape[-1])
        return np.concatenate(taps, axis=1) @ flat + self._weights[f"{block}.bias"]


def _convolve(image: FloatArray, kernel: FloatArray, stride: tuple[int, int]) -> FloatArray:
    """Convolution of (time, band, in) with (kt, kb, in, out), zero padded by half a kernel."""
    size_time, size_band, channels, outputs = kernel.shape
    half_time, half_band = size_time // 2, size_band // 2
    padded = np.pad(image, ((half_time, half_time), (half_band, half_band), (0, 0)))
    patches = np.lib.stride_tricks.sliding_window_view(padded, (size_time, size_band), axis=(0, 1))
    patches = patches[:: stride[0], :: stride[1]].transpose(0, 1, 3, 4, 2)
    flat = patches.reshape(-1, size_time * size_band * channels)
    return (flat @ kernel.reshape(-1, outputs)).reshape(*patches.shape[:2], outputs)


def _relu(values: FloatArray) -> FloatArray:
    return np.maximum(values, 0, out=values)


def _softmax(values: FloatArray) -> FloatArray:
    exponentials = np.exp(values - values.max())
    return np.asarray(exponentials / exponentials.sum(), dtype=np.float32)
