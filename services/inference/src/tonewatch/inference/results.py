"""What becomes of deliveries: scores, no speech, or a gap (with a dead letter, if it failed)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tonewatch.inference.engines.base import Engine, WindowScore
from tonewatch.inference.frames import BYTES_PER_SAMPLE, FrameJob, Refused, gap_for
from tonewatch.inference.levels import level_dbfs
from tonewatch.inference.utterances import Utterance
from tonewatch.shared.broker import Outcome, Outgoing
from tonewatch.shared.emotions import EMOTIONS, NO_SPEECH
from tonewatch.shared.messages import SAMPLE_RATE_HZ, GapReason, Granularity, Score
from tonewatch.shared.streams import SCORES

STEPS: Final = "steps"
DECIMALS: Final = 6


class Results:
    """Makes messages of answers; `steps_per_second` is the rate of the engine's fine matrix."""

    def __init__(self, engine: Engine, steps_per_second: int) -> None:
        self._engine = engine
        self._steps_per_second = steps_per_second

    def scored(
        self, group: Sequence[FrameJob], answer: WindowScore, window_bytes: int, now: datetime
    ) -> list[Outgoing]:
        """One score for each frame of a group: the window's posterior, and the frame's own steps.

        A short last frame has fewer steps than a second's.
        """
        scores: list[Outgoing] = []
        rows = answer.steps
        for job in reversed(group):
            share = self._steps_per_second * job.frame.samples / SAMPLE_RATE_HZ
            own = min(len(rows), max(1, round(share)))
            steps, rows = rows[len(rows) - own :], rows[: len(rows) - own]
            score = self._score(
                job,
                now,
                **_peak(answer),
                steps=len(steps),
                window_seconds=window_bytes / BYTES_PER_SAMPLE / SAMPLE_RATE_HZ,
                hop_seconds=len(group),
            )
            blob = np.ascontiguousarray(steps, dtype="<f4").tobytes()
            scores.append(Outgoing(SCORES, score, {STEPS: blob}))
        return scores[::-1]

    def silent(self, job: FrameJob, now: datetime) -> Outgoing:
        """Nobody spoke: that is an answer of its own, not `neutral`."""
        return Outgoing(SCORES, self._score(job, now, emotion=NO_SPEECH, confidence=0.0))

    def utterance(
        self, utterance: Utterance, answer: WindowScore, path: str | None, now: datetime
    ) -> Outgoing:
        """The score of a whole utterance; its `seq` is the utterance's number in the track."""
        frame = utterance.job.frame
        before = timedelta(milliseconds=1000 * frame.seq - utterance.start_ms)
        score = self._score(
            utterance.job,
            now,
            **_peak(answer),
            granularity=Granularity.UTTERANCE,
            seq=utterance.number,
            start_ms=utterance.start_ms,
            end_ms=utterance.end_ms,
            captured_at=frame.captured_at - before,
            window_seconds=(utterance.end_ms - utterance.start_ms) / 1000,
            speech=1.0,
            level_dbfs=level_dbfs(utterance.pcm),
            embedding_path=path,
            final=False,
        )
        return Outgoing(SCORES, score)

    def _score(self, job: FrameJob, now: datetime, **answer: object) -> Score:
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
                "engine": self._engine.name,
                "model": self._engine.model,
                "revision": self._engine.revision,
                "final": frame.final,
                **answer,
            }
        )


def rejected(refused: Refused) -> Outcome:
    """The frame goes to the dead letters, and a gap takes its place where its header allows."""
    gap = gap_for(refused.delivery, refused.reason, refused.error)
    publish = () if gap is None else (Outgoing(SCORES, gap),)
    return Outcome(refused.delivery, publish=publish, dead=refused.error)


def shed(job: FrameJob, waited_seconds: float) -> Outcome:
    """The frame is given up under overload; a gap takes its place. It is no dead letter."""
    detail = f"waited {waited_seconds:.0f} s"
    gap = gap_for(job.delivery, GapReason.OVERLOAD, detail)
    return Outcome(job.delivery, publish=() if gap is None else (Outgoing(SCORES, gap),))


def _peak(answer: WindowScore) -> dict[str, object]:
    """Posterior, and the most probable label with its probability."""
    probabilities: NDArray[np.float32] = answer.probabilities
    values = tuple(round(float(p), DECIMALS) for p in probabilities)
    best = int(np.argmax(probabilities))
    return {"probabilities": values, "emotion": EMOTIONS[best], "confidence": values[best]}
