"""What is published for a frame."""

import numpy as np
import pytest

from tests.support.jobs import job_of
from tests.support.messages import make_frame
from tonewatch.inference.engines.base import WindowScore
from tonewatch.inference.engines.fake import FakeEngine
from tonewatch.inference.frames import FrameJob, Refused
from tonewatch.inference.results import Results, rejected, shed
from tonewatch.shared.broker import Delivery, Entry, Outgoing
from tonewatch.shared.broker.codec import decode, encode
from tonewatch.shared.clock import utc_now
from tonewatch.shared.messages import Gap, GapReason, Score
from tonewatch.shared.streams import FRAMES, SCORES

RESULTS = Results(FakeEngine(), 10)


def job(samples: int = 16_000, seq: int = 5) -> FrameJob:
    frame = make_frame(seq, samples=samples, labels={"agent_id": "7"}, final=True)
    delivery = Delivery(
        FRAMES, 0, "inference", Entry("1-0", {"h": frame.model_dump_json().encode()})
    )
    return FrameJob(delivery, frame, bytes(2 * samples))


def answer(rows: int = 30) -> WindowScore:
    probabilities = np.array([0.1, 0, 0, 0.6, 0.1, 0.1, 0.1, 0, 0], dtype=np.float32)
    steps = np.zeros((rows, 9), dtype=np.float32)
    steps[np.arange(rows), np.arange(rows) % 9] = 1
    return WindowScore(probabilities, steps)


def scored(samples: int = 16_000, window_bytes: int = 96_000, rows: int = 30) -> Outgoing:
    (outgoing,) = RESULTS.scored([job(samples)], answer(rows), window_bytes, utc_now())
    return outgoing


def test_a_score_says_what_was_heard_and_where() -> None:
    score = scored().message
    assert isinstance(score, Score)
    assert (score.emotion, score.confidence) == ("happy", 0.6)
    assert (score.start_ms, score.end_ms, score.window_seconds) == (5_000, 6_000, 3.0)
    assert (score.session_id, score.seq, score.final) == ("call-1", 5, True)
    assert score.labels == {"agent_id": "7"}
    assert (score.engine, score.hop_seconds) == ("fake", 1)


def test_steps_travel_as_little_endian_float32_rows() -> None:
    outgoing = scored()
    rows = np.frombuffer(encode(outgoing)["steps"], dtype="<f4").reshape(-1, 9)
    assert np.array_equal(rows, answer().steps[-10:])
    assert isinstance(outgoing.message, Score)
    assert outgoing.message.steps == len(rows) == 10


@pytest.mark.parametrize(
    ("samples", "rows_of_window", "rows"), [(4_000, 30, 2), (100, 30, 1), (4_000, 2, 2)]
)
def test_a_short_last_frame_has_only_its_own_steps(
    samples: int, rows_of_window: int, rows: int
) -> None:
    score = scored(samples, rows=rows_of_window).message
    assert isinstance(score, Score)
    assert score.steps == rows
    assert score.end_ms == 5_000 + samples // 16


def test_a_short_last_frame_leaves_the_steps_before_it_to_the_frame_before_it() -> None:
    group = [job(seq=4), job(4_000)]
    first, last = RESULTS.scored(group, answer(), 96_000, utc_now())
    rows = [np.frombuffer(out.blobs["steps"], dtype="<f4").reshape(-1, 9) for out in (first, last)]
    assert np.array_equal(np.concatenate(rows), answer().steps[-12:])
    assert [len(own) for own in rows] == [10, 2]


def test_silence_has_no_posterior() -> None:
    score = RESULTS.silent(job(), utc_now()).message
    assert isinstance(score, Score)
    assert (score.emotion, score.probabilities, score.final) == ("no_speech", None, True)


def test_a_rejected_frame_is_a_dead_letter_and_a_gap() -> None:
    outcome = rejected(Refused(job().delivery, GapReason.POISON, "crashed"))
    assert outcome.dead == "crashed"
    (outgoing,) = outcome.publish
    gap = decode(SCORES, Entry("2-0", encode(outgoing)))
    assert isinstance(gap, Gap)
    assert (gap.first_seq, gap.last_seq, gap.reason) == (5, 5, GapReason.POISON)


def test_a_shed_frame_is_a_gap_and_no_dead_letter() -> None:
    outcome = shed(job_of(3), 61.2)
    assert outcome.dead is None
    gap = outcome.publish[0].message
    assert isinstance(gap, Gap)
    assert (gap.first_seq, gap.reason, gap.detail) == (3, GapReason.OVERLOAD, "waited 61 s")
