"""Silero VAD in numpy: the probability of speech for each 32 ms of a track.

The network of silero-vad 6.2.3 at 16 kHz (MIT, `silero.LICENSE`; weights by
`scripts/silero_weights.py`), computed for a whole second at once: 0.9 ms of CPU, where ONNX Runtime
takes 2.0 ms for the second and 3.9 ms chunk by chunk. So ingest hears with a network and needs
neither torch nor onnxruntime. The answers are those of ONNX Runtime to 0.006, the rounding of the
weights to half precision.
"""

from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

HOP_SAMPLES: Final = 512
_CONTEXT: Final = 64
"""Each chunk is heard together with the end of the one before it."""
_MIRRORED: Final = 64
_FFT, _STRIDE, _BINS = 256, 128, 129
_SLICES: Final = 4
"""Spectra of a chunk."""
_HIDDEN: Final = 128
_GATES: Final = 3 * _HIDDEN

Floats: TypeAlias = NDArray[np.float32]

_WINDOW: Final[Floats] = np.hanning(_FFT + 1)[:_FFT].astype(np.float32)


class SileroNetwork:
    """The network with the memory of one track: feed it chunks in order."""

    def __init__(self) -> None:
        self._weights = _load()
        self.forget()

    def forget(self) -> None:
        """Begin anew, as with another track."""
        self._context = np.zeros(_CONTEXT, dtype=np.float32)
        self._hidden = np.zeros(_HIDDEN, dtype=np.float32)
        self._cell = np.zeros(_HIDDEN, dtype=np.float32)

    def probabilities(self, samples: Floats) -> Floats:
        """The probability of speech of each chunk; samples in [-1, 1], whole chunks only."""
        if not len(samples):
            return np.zeros(0, dtype=np.float32)
        heard = np.concatenate((self._context, samples))
        self._context = heard[-_CONTEXT:].copy()
        hidden = self._remember(_encode(_spectra(heard), self._weights))
        logits = np.maximum(hidden, 0) @ self._weights.output + self._weights.output_bias
        return np.asarray(0.5 + 0.5 * np.tanh(0.5 * logits), dtype=np.float32)

    def _remember(self, encoded: Floats) -> Floats:
        """The LSTM; its gates are ordered input, output, forget, cell, all through one tanh."""
        inward = encoded @ self._weights.lstm_in + self._weights.lstm_bias
        hidden, cell, across = self._hidden, self._cell, self._weights.lstm_across
        answers = np.empty((len(inward), _HIDDEN), dtype=np.float32)
        for answer, gates in zip(answers, inward, strict=True):
            gates += across @ hidden  # noqa: PLW2901 - a row of `inward`, used once
            np.tanh(gates, out=gates)
            sigmoids = gates[:_GATES]
            sigmoids *= 0.5
            sigmoids += 0.5
            cell = cell * gates[2 * _HIDDEN : _GATES] + gates[:_HIDDEN] * gates[_GATES:]
            hidden = np.tanh(cell, out=answer)
            hidden *= gates[_HIDDEN : 2 * _HIDDEN]
        self._hidden, self._cell = hidden.copy(), cell
        return answers


class _Weights(NamedTuple):
    """Each layer as a matrix to multiply rows with, and its bias."""

    convolutions: tuple[tuple[Floats, Floats], ...]
    lstm_in: Floats
    lstm_across: Floats
    lstm_bias: Floats
    output: Floats
    output_bias: Floats


@cache
def _load() -> _Weights:
    # On matrices as small as these the threads of BLAS cost many times what they save. Once and for
    # all: set and reset around each call it would hold for whichever thread came last.
    ThreadpoolController().limit(limits=1, user_api="blas")
    path = files("tonewatch.ingest.audio").joinpath("silero.npz")
    with path.open("rb") as file, np.load(file) as stored:
        read = {name: stored[name].astype(np.float32) for name in stored}
    kernels = [read[f"conv{layer}"].transpose(2, 1, 0) for layer in range(4)]
    # Where only one or two places are left, the taps that would see padding alone are cut off.
    kernels[2], kernels[3] = kernels[2][1:], kernels[3][1:2]
    # sigmoid(x) = 0.5 + 0.5 tanh(x / 2): halved here, one tanh serves all gates
    halves = np.repeat(np.array([0.5, 0.5, 0.5, 1], dtype=np.float32), _HIDDEN)
    return _Weights(
        convolutions=tuple(
            (np.ascontiguousarray(kernel.reshape(-1, kernel.shape[2])), read[f"conv{layer}_bias"])
            for layer, kernel in enumerate(kernels)
        ),
        lstm_in=np.ascontiguousarray((read["lstm_in"] * halves[:, None]).T),
        lstm_across=read["lstm_across"] * halves[:, None],
        lstm_bias=read["lstm_bias"] * halves,
        output=read["output"].reshape(-1),
        output_bias=read["output_bias"],
    )


def _spectra(heard: Floats) -> Floats:
    """Magnitudes, (chunks, slices, bins); the end of each chunk is mirrored."""
    chunks = sliding_window_view(heard, _CONTEXT + HOP_SAMPLES)[::HOP_SAMPLES]
    mirrored = np.concatenate((chunks, chunks[:, -2 : -2 - _MIRRORED : -1]), axis=1)
    slices = sliding_window_view(mirrored, _FFT, axis=1)[:, ::_STRIDE]
    parts = np.fft.rfft(slices * _WINDOW, axis=2).view(np.float32)
    parts *= parts
    # twice as quick as np.abs, which guards against an overflow that samples in [-1, 1] cannot make
    magnitudes: Floats = np.sqrt(parts[..., ::2] + parts[..., 1::2])
    return magnitudes


def _encode(spectra: Floats, weights: _Weights) -> Floats:
    """Four convolutions over the slices of each chunk, by 1, 2, 2 and 1: one vector per chunk."""
    count = len(spectra)
    first, second, third, fourth = weights.convolutions
    padded = np.zeros((count, _SLICES + 2, _BINS), dtype=np.float32)
    padded[:, 1:-1] = spectra
    places = sliding_window_view(padded, 3, axis=1).transpose(0, 1, 3, 2)
    wide = _layer(places.reshape(count * _SLICES, -1), first)
    again = np.zeros((count, _SLICES + 1, wide.shape[1]), dtype=np.float32)
    again[:, 1:] = wide.reshape(count, _SLICES, -1)
    pairs = np.stack((again[:, 0:3], again[:, 2:5]), axis=1)
    narrow = _layer(pairs.reshape(count * 2, -1), second)
    return _layer(_layer(narrow.reshape(count, -1), third), fourth)


def _layer(rows: Floats, layer: tuple[Floats, Floats]) -> Floats:
    matrix, bias = layer
    product: Floats = rows @ matrix
    product += bias
    return np.maximum(product, 0, out=product)
