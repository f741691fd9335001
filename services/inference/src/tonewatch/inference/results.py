"""What becomes of a delivery: a score, no speech, or a gap with a dead letter."""

from datetime import datetime
from typing import Final

import numpy as np

from tonewatch.inference.engines.base import Engine, WindowScore
from tonewatch.inference.frames import BYTES_PER_SAMPLE, FrameJob, gap_for
from tonewatch.shared.broker import Delivery, Outcome, Outgoing
from tonewatch.shared.emotions import EMOTIONS, NO_SPEECH
from tonewatch.shared.messages import SAMPLE_RATE_HZ, GapReason, Score
from tonewatch.shared.streams import SCORES

STEPS: Final = "steps"
DECIMALS: Final = 6


def scored(
    job: FrameJob, answer: WindowScore, window_bytes: int, engine: Engine, now: datetime
) -> Outcome:
    """The frame has a posterior; emotion and confidence are its peak."""
    probabilities = tuple(round(float(p), DECIMALS) for p in answer.probabilities)
    best = int(np.argmax(answer.probabilities))
    steps = _own_steps(answer, job, window_bytes)
    score = _score(
        job,
        engine,
        now,
        emotion=EMOTIONS[best],
        confidence=probabilities[best],
        probabilities=probabilities,
        steps=len(steps),
        window_seconds=window_bytes / BYTES_PER_SAMPLE / SAMPLE_RATE_HZ,
    )
    blob = np.ascontiguousarray(steps, dtype="<f4").tobytes()
    return Outcome(job.delivery, publish=(Outgoing(SCORES, score, {STEPS: blob}),))


def silent(job: FrameJob, engine: Engine, now: datetime) -> Outcome:
    """Nobody spoke: that is an answer of its own, not `neutral`."""
    score = _score(job, engine, now, emotion=NO_SPEECH, confidence=0.0)
    return Outcome(job.delivery, publish=(Outgoing(SCORES, score),))


def rejected(delivery: Delivery, reason: GapReason, error: str) -> Outcome:
    """The frame goes to the dead letters, and a gap takes its place where its header allows."""
    gap = gap_for(delivery, reason, error)
    publish = () if gap is None else (Outgoing(SCORES, gap),)
    return Outcome(delivery, publish=publish, dead=error)


def _score(job: FrameJob, engine: Engine, now: datetime, **answer: object) -> Score:
    frame = job.frame
    start_ms = 1000 * frame.seq
    return Score.model_validate(
        {
            "session_id": frame.session_id,
            "source_id": frame.source_id,
            "labels": frame.labels,
            "traceparent": frame.traceparent,
            "speaker": frame.speaker,
            "seq": frame.seq,
            "start_ms": start_ms,
            "end_ms": start_ms + 1000 * frame.samples // SAMPLE_RATE_HZ,
            "captured_at": frame.captured_at,
            "published_at": frame.published_at,
            "scored_at": now,
            "speech": frame.speech,
            "level_dbfs": frame.level_dbfs,
            "engine": engine.name,
            "model": engine.model,
            "revision": engine.revision,
            "final": frame.final,
            **answer,
        }
    )


def _own_steps(answer: WindowScore, job: FrameJob, window_bytes: int) -> np.ndarray:
    """The steps that lie inside the frame: a short last frame has fewer than a second's."""
    spanned = min(window_bytes // BYTES_PER_SAMPLE, SAMPLE_RATE_HZ)
    rows = len(answer.steps)
    own = min(rows, max(1, round(rows * job.frame.samples / spanned)))
    return answer.steps[-own:]
