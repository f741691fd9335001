"""The network in numpy answers as the original does in ONNX Runtime."""

import numpy as np
import pytest

from tonewatch.ingest.audio.silero import HOP_SAMPLES, Floats, SileroNetwork

ORIGINAL = [
    0.517, 0.591, 0.721, 0.477, 0.387, 0.352, 0.353, 0.582, 0.250, 0.021,
    0.010, 0.018, 0.015, 0.011, 0.046, 0.148, 0.037, 0.092, 0.104, 0.127,
]  # fmt: skip
"""What silero_vad_16k_sequence.onnx of silero-vad 6.2.3 says of `sound()` in ONNX Runtime 1.32."""


def sound() -> Floats:
    """A gliding buzz with a formant that moves and one that stands, on and off."""
    time = np.arange(len(ORIGINAL) * HOP_SAMPLES) / 16_000
    moving_hz = 1200 + 800 * np.sin(2 * np.pi * 3 * time)
    pitch_hz = 140 + 30 * np.sin(2 * np.pi * 1.5 * time)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / 16_000
    audio = np.zeros(len(time))
    for harmonic in range(1, 25):
        hz = harmonic * pitch_hz
        loudness = np.exp(-(((hz - moving_hz) / 300) ** 2)) + np.exp(-(((hz - 500) / 200) ** 2))
        audio += loudness * np.sin(harmonic * phase)
    return (0.1 * audio * (np.sin(2 * np.pi * 2 * time) > -0.3)).astype(np.float32)


def test_it_answers_as_the_original() -> None:
    assert SileroNetwork().probabilities(sound()) == pytest.approx(ORIGINAL, abs=0.006)


@pytest.mark.parametrize("chunks", [1, 3, 7])
def test_it_remembers_from_call_to_call(chunks: int) -> None:
    whole, network, size = sound(), SileroNetwork(), chunks * HOP_SAMPLES
    parts = [network.probabilities(whole[at : at + size]) for at in range(0, len(whole), size)]
    assert np.concatenate(parts) == pytest.approx(SileroNetwork().probabilities(whole), abs=1e-5)


def test_it_forgets_when_told() -> None:
    network = SileroNetwork()
    first = network.probabilities(sound())
    assert network.probabilities(sound()) != pytest.approx(first, abs=0.05)
    network.forget()
    assert network.probabilities(sound()) == pytest.approx(first, abs=1e-6)


def test_tracks_do_not_disturb_each_other() -> None:
    one, other, hop = SileroNetwork(), SileroNetwork(), HOP_SAMPLES
    heard = []
    for at in range(0, 10 * hop, hop):
        heard.append(one.probabilities(sound()[at : at + hop]))
        other.probabilities(np.full(hop, 0.3, dtype=np.float32))
    assert np.concatenate(heard) == pytest.approx(ORIGINAL[:10], abs=0.006)


def test_nothing_has_no_probability() -> None:
    assert len(SileroNetwork().probabilities(np.zeros(0, dtype=np.float32))) == 0
