"""Silero VAD in numpy: the probability of speech for each 32 ms of a track.

The network of silero-vad 6.2.3 at 16 kHz (MIT, `silero.LICENSE`; weights by
`scripts/silero_weights.py`), computed for a whole second of many tracks at once: 0.5 ms of CPU for
each of ten, 0.8 ms for one alone, where ONNX Runtime takes 2.0 ms for the second and 3.9 ms chunk
by chunk. So ingest hears with a network and needs neither torch nor onnxruntime. The answers are
those of ONNX Runtime to 0.006, the rounding of the weights to half precision.
"""

from collections.abc import Sequence
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
        self.forget()

    def forget(self) -> None:
        """Begin anew, as with another track."""
        self._context = np.zeros(_CONTEXT, dtype=np.float32)
        self._hidden = np.zeros(_HIDDEN, dtype=np.float32)
        self._cell = np.zeros(_HIDDEN, dtype=np.float32)

    def probabilities(self, samples: Floats) -> Floats:
        """The probability of speech of each chunk; samples in [-1, 1], whole chunks only."""
        return hear_together([self], [samples])[0]

    def _take_in(self, samples: Floats) -> Floats:
        """The samples behind the end of those before."""
        heard = np.concatenate((self._context, samples))
        self._context = heard[-_CONTEXT:].copy()
        return heard


def hear_together(networks: Sequence[SileroNetwork], samples: Sequence[Floats]) -> list[Floats]:
    """For each track, each another one, the probabilities of its chunks (see `probabilities`).

    Together, because the LSTM goes step by step: alone, most of each step is its overhead.
    """
    counts = [len(each) // HOP_SAMPLES for each in samples]
    weights = _load()
    spectra = [
        _spectra(network._take_in(each))  # noqa: SLF001 - of this module
        for network, each, count in zip(networks, samples, counts, strict=True)
        if count
    ]
    if not spectra:
        return [np.zeros(0, dtype=np.float32) for _ in networks]
    encoded = _encode(np.concatenate(spectra), weights)
    inward = encoded @ weights.lstm_in + weights.lstm_bias
    hidden = _remember(networks, counts, inward, weights)
    logits = np.maximum(hidden, 0) @ weights.output + weights.output_bias
    answers = np.asarray(0.5 + 0.5 * np.tanh(0.5 * logits), dtype=np.float32)
    return np.split(answers, np.cumsum(counts)[:-1])


def _remember(
    networks: Sequence[SileroNetwork], counts: Sequence[int], inward: Floats, weights: "_Weights"
) -> Floats:
    """The LSTM, (chunks, hidden); its gates are input, output, forget, cell, all by one tanh.

    Those with most chunks come first, so that who still has some at a step are the first ones.
    """
    order = sorted(range(len(networks)), key=lambda index: -counts[index])
    parts = np.split(inward, np.cumsum(counts)[:-1])
    steps = np.empty((counts[order[0]], len(networks), inward.shape[1]), dtype=np.float32)
    for place, index in enumerate(order):
        steps[: counts[index], place] = parts[index]
    hidden = np.stack([networks[index]._hidden for index in order])  # noqa: SLF001 - as above
    cell = np.stack([networks[index]._cell for index in order])  # noqa: SLF001 - as above
    answers = np.empty((*steps.shape[:2], _HIDDEN), dtype=np.float32)
    active = len(networks)
    for step, (gates, answer) in enumerate(zip(steps, answers, strict=True)):
        while counts[order[active - 1]] <= step:
            active -= 1
        _step(gates[:active], hidden[:active], cell[:active], weights.lstm_across)
        answer[:active] = hidden[:active]
    for place, index in enumerate(order):
        networks[index]._hidden, networks[index]._cell = hidden[place], cell[place]  # noqa: SLF001
    places = np.argsort(order)
    return np.concatenate([answers[: counts[i], places[i]] for i in range(len(networks))])


def _step(gates: Floats, hidden: Floats, cell: Floats, across: Floats) -> None:
    """One step of the LSTM, a row a track; all but the weights are changed in place."""
    gates += hidden @ across
    np.tanh(gates, out=gates)
    sigmoids = gates[:, :_GATES]
    sigmoids *= 0.5
    sigmoids += 0.5
    cell *= gates[:, 2 * _HIDDEN : _GATES]
    cell += gates[:, :_HIDDEN] * gates[:, _GATES:]
    np.tanh(cell, out=hidden)
    hidden *= gates[:, _HIDDEN : 2 * _HIDDEN]


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
        lstm_across=np.ascontiguousarray((read["lstm_across"] * halves[:, None]).T),
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
