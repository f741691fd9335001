"""The fake engine's answer tells which window it heard."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.support.audio import sine_pcm, speech_like_pcm
from tonewatch.inference.engines.base import Waveform
from tonewatch.inference.engines.fake import FakeEngine
from tonewatch.inference.host import waveform
from tonewatch.shared.emotions import EMOTIONS

WINDOW = waveform(speech_like_pcm(3))


def score(window: Waveform) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    (answer,) = FakeEngine().score([window])
    return answer.probabilities


def test_the_same_window_has_the_same_answer_in_any_company() -> None:
    alone, (_, together) = score(WINDOW), FakeEngine().score([WINDOW[:16_000], WINDOW])
    assert np.allclose(alone, together.probabilities, atol=1e-6)


@given(st.integers(1, 47_000))
def test_another_window_has_another_answer(cut: int) -> None:
    assert not np.allclose(score(WINDOW), score(WINDOW[cut:]), atol=1e-6)


def test_the_order_of_seconds_matters() -> None:
    turned = np.concatenate([WINDOW[16_000:], WINDOW[:16_000]])
    assert not np.allclose(score(WINDOW), score(turned), atol=1e-5)


def test_loud_is_angry_and_quiet_is_neutral() -> None:
    loud, quiet = (score(waveform(sine_pcm(2, amplitude=a))) for a in (0.9, 0.01))
    assert EMOTIONS[int(loud.argmax())] == "angry"
    assert EMOTIONS[int(quiet.argmax())] == "neutral"


def test_steps_are_posteriors_of_tenths_of_a_second() -> None:
    quiet_then_loud = np.concatenate(
        [waveform(sine_pcm(1, amplitude=0.001)), waveform(sine_pcm(0.5, amplitude=0.9))]
    )
    (answer,) = FakeEngine().score([quiet_then_loud])
    assert answer.steps.shape == (15, 9)
    assert np.allclose(answer.steps.sum(axis=1), 1, atol=1e-5)
    assert answer.steps[:10, 0].max() < answer.steps[10:, 0].min()
