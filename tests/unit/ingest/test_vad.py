"""Who speaks is heard, in noise as well; what is no speech is not taken for it."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.audio import silence_pcm, speech_like_pcm
from tests.support.sounds import NOT_SPEECH, Audio, line_noise, pink_noise
from tonewatch.ingest.audio import Piece, TrackCutter, VoiceDetector, vad
from tonewatch.ingest.audio.silero import HOP_SAMPLES


def pcm_of(audio: Audio) -> bytes:
    return (np.clip(audio, -1, 1) * 32767).astype("<i2").tobytes()


def with_noise(pcm: bytes, snr_db: float) -> bytes:
    """The level of a spoken second decides, wherever in the PCM it stands."""
    speech = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32768
    noise = pink_noise(len(speech) // 16_000)
    gain = np.std(speech[speech != 0]) / np.std(noise) * 10 ** (-snr_db / 20)
    return pcm_of(speech + noise * np.float32(gain))


def pieces_of(pcm: bytes) -> list[Piece]:
    cutter = TrackCutter(lookahead=True)
    pieces = list(cutter.feed(pcm))
    last = cutter.finish()
    return pieces if last is None else [*pieces, last]


@pytest.mark.parametrize("make", NOT_SPEECH.values(), ids=NOT_SPEECH.keys())
def test_what_is_no_speech_is_not_taken_for_it(make: Callable[[int], Audio]) -> None:
    pieces = pieces_of(pcm_of(make(10)))
    assert np.mean([piece.speech for piece in pieces]) < 0.02
    assert all(piece.utterances == () for piece in pieces)


CALL = silence_pcm(2) + speech_like_pcm(3) + silence_pcm(3)


@pytest.mark.parametrize("pcm", [CALL, with_noise(CALL, 20), with_noise(CALL, 10)])
def test_each_second_says_how_much_of_it_is_speech(pcm: bytes) -> None:
    heard = [piece.speech for piece in pieces_of(pcm)]
    assert heard[0] == 0
    assert max(heard[1], *heard[6:]) < 0.1
    assert min(heard[2:5]) > 0.85
    assert heard[5] < 0.35


@pytest.mark.parametrize("pcm", [CALL, with_noise(CALL, 20), with_noise(CALL, 10)])
def test_an_utterance_begins_and_ends_where_somebody_speaks(pcm: bytes) -> None:
    marks = {mark.number: mark for piece in pieces_of(pcm) for mark in piece.utterances}
    assert list(marks) == [0]
    assert marks[0].start_ms == pytest.approx(2000, abs=150)
    assert marks[0].end_ms == pytest.approx(5000, abs=300)


def test_a_quiet_speaker_on_a_noisy_line_is_heard() -> None:
    speech = np.frombuffer(speech_like_pcm(4, amplitude=0.03), dtype="<i2").astype(np.float32)
    noisy = speech / np.float32(32767) + line_noise(4)
    heard = [piece.speech for piece in pieces_of(pcm_of(noisy))]
    assert np.mean(heard) > 0.85


def test_a_voice_far_below_the_line_is_silence() -> None:
    assert all(piece.speech == 0 for piece in pieces_of(speech_like_pcm(3, amplitude=0.0008)))


def test_what_follows_a_silent_second_is_heard_as_if_it_came_first() -> None:
    after, fresh = VoiceDetector(), VoiceDetector()
    after.voiced(speech_like_pcm(1, seed=4))
    assert not any(after.voiced(silence_pcm(1)))
    second = speech_like_pcm(1, seed=1, amplitude=0.02)
    assert after.voiced(second) == fresh.voiced(second)


def test_speech_ends_where_the_line_falls_silent() -> None:
    """The network holds on to a voice for a while; the floor does not."""
    idle_line = line_noise(1)[:8_000] * np.float32(0.5)
    answers = VoiceDetector().voiced(speech_like_pcm(0.5) + pcm_of(idle_line))
    assert sum(answers[:25]) > 20
    assert not any(answers[25:])


class StubNetwork:
    """Hears speech in what is louder than half of full scale, and keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[Audio] = []

    def probabilities(self, samples: Audio) -> Audio:
        self.given.append(samples)
        loudest = samples.reshape(-1, HOP_SAMPLES).max(axis=1)
        return np.asarray(loudest > 0.5, dtype=np.float32)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> StubNetwork:
    stub = StubNetwork()
    monkeypatch.setattr(
        vad, "hear_together", lambda _, samples: [*map(stub.probabilities, samples)]
    )
    return stub


def test_every_sample_is_heard_once_and_in_order(network: StubNetwork) -> None:
    detector = VoiceDetector()
    pcm = speech_like_pcm(3.5)
    for at in range(0, len(pcm), 32_000):
        detector.voiced(pcm[at : at + 32_000], final=at + 32_000 >= len(pcm))
    heard = np.concatenate(network.given)
    assert len(heard) == -(-56_000 // HOP_SAMPLES) * HOP_SAMPLES
    assert np.array_equal(heard[:56_000], np.frombuffer(pcm, dtype="<i2") / np.float32(32768))


@pytest.mark.parametrize("second", [0, 1, 2, 3])
@pytest.mark.parametrize("step", [5, 20, 33, 43])
@pytest.mark.usefixtures("network")
def test_a_voice_is_placed_where_it_is(second: int, step: int) -> None:
    """From the 32 ms before it, as the network needs some of a voice to believe it."""
    audio = np.full(4 * 16_000, 0.1, dtype=np.float32)
    middle = second * 16_000 + step * 320 + 160
    audio[middle] = 0.9
    detector = VoiceDetector()
    pcm = pcm_of(audio)
    answers = [
        answer
        for at in range(0, len(pcm), 32_000)
        for answer in detector.voiced(pcm[at : at + 32_000], final=at + 32_000 >= len(pcm))
    ]
    chunk = middle // HOP_SAMPLES
    assert answers == [
        chunk - 1 <= (step * 320 + 160) // HOP_SAMPLES <= chunk for step in range(200)
    ]


def test_a_short_last_second_is_heard_to_its_end() -> None:
    detector = VoiceDetector()
    detector.voiced(speech_like_pcm(1))
    spoken = speech_like_pcm(1.51)[32_000:]
    answers = detector.voiced(spoken, final=True)
    assert len(answers) == 26
    assert sum(answers) >= 24


@settings(deadline=None, max_examples=30)
@given(seconds=st.integers(0, 3), rest=st.integers(1, 15_999), seed=st.integers(0, 9))
def test_there_is_one_answer_for_each_20_ms(seconds: int, rest: int, seed: int) -> None:
    samples = np.random.default_rng(seed).integers(-9000, 9000, seconds * 16_000 + rest)
    pcm, detector = samples.astype("<i2").tobytes(), VoiceDetector()
    counts = [
        len(detector.voiced(pcm[at : at + 32_000], final=at + 32_000 >= len(pcm)))
        for at in range(0, len(pcm), 32_000)
    ]
    assert counts == [50] * seconds + [-(-rest // 320)]
