"""What is published for a frame."""

import numpy as np
import pytest

from tests.support.messages import make_frame
from tonewatch.inference.engines.base import WindowScore
from tonewatch.inference.engines.fake import FakeEngine
from tonewatch.inference.frames import FrameJob
from tonewatch.inference.results import rejected, scored, silent
from tonewatch.shared.broker import Delivery, Entry
from tonewatch.shared.broker.codec import decode, encode
from tonewatch.shared.clock import utc_now
from tonewatch.shared.messages import Gap, GapReason, Score
from tonewatch.shared.streams import FRAMES, SCORES


def job(samples: int = 16_000) -> FrameJob:
    frame = make_frame(5, samples=samples, labels={"agent_id": "7"}, final=True)
    delivery = Delivery(
        FRAMES, 0, "inference", Entry("1-0", {"h": frame.model_dump_json().encode()})
    )
    return FrameJob(delivery, frame, bytes(2 * samples))


def answer() -> WindowScore:
    probabilities = np.array([0.1, 0, 0, 0.6, 0.1, 0.1, 0.1, 0, 0], dtype=np.float32)
    return WindowScore(probabilities, np.tile(probabilities, (10, 1)))


def test_a_score_says_what_was_heard_and_where() -> None:
    outcome = scored(job(), answer(), 96_000, FakeEngine(), utc_now())
    (outgoing,) = outcome.publish
    score = outgoing.message
    assert isinstance(score, Score)
    assert (score.emotion, score.confidence) == ("happy", 0.6)
    assert (score.start_ms, score.end_ms, score.window_seconds) == (5_000, 6_000, 3.0)
    assert (score.session_id, score.seq, score.final) == ("call-1", 5, True)
    assert score.labels == {"agent_id": "7"}
    assert score.engine == "fake"


def test_steps_travel_as_little_endian_float32_rows() -> None:
    (outgoing,) = scored(job(), answer(), 96_000, FakeEngine(), utc_now()).publish
    fields = encode(outgoing)
    rows = np.frombuffer(fields["steps"], dtype="<f4").reshape(-1, 9)
    assert np.array_equal(rows, answer().steps)
    assert isinstance(outgoing.message, Score)
    assert outgoing.message.steps == len(rows) == 10


@pytest.mark.parametrize(
    ("samples", "window_bytes", "rows"),
    [(4_000, 96_000, 2), (100, 96_000, 1), (4_000, 8_000, 10), (16_000, 32_000, 10)],
)
def test_a_short_last_frame_has_only_its_own_steps(
    samples: int, window_bytes: int, rows: int
) -> None:
    (outgoing,) = scored(job(samples), answer(), window_bytes, FakeEngine(), utc_now()).publish
    assert isinstance(outgoing.message, Score)
    assert outgoing.message.steps == rows
    assert outgoing.message.end_ms == 5_000 + samples // 16


def test_silence_has_no_posterior() -> None:
    (outgoing,) = silent(job(), FakeEngine(), utc_now()).publish
    assert isinstance(outgoing.message, Score)
    assert outgoing.message.emotion == "no_speech"
    assert outgoing.message.probabilities is None
    assert outgoing.message.final


def test_a_rejected_frame_is_a_dead_letter_and_a_gap() -> None:
    outcome = rejected(job().delivery, GapReason.POISON, "crashed")
    assert outcome.dead == "crashed"
    (outgoing,) = outcome.publish
    gap = decode(SCORES, Entry("2-0", encode(outgoing)))
    assert isinstance(gap, Gap)
    assert (gap.first_seq, gap.last_seq, gap.reason) == (5, 5, GapReason.POISON)
