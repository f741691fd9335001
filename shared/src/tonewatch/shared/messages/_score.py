"""What inference answers: a score for a frame, or a gap that says why there is none."""

from enum import StrEnum
from typing import Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from tonewatch.shared.emotions import EMOTIONS, NO_SPEECH, Emotion
from tonewatch.shared.messages._base import TrackMessage


class Granularity(StrEnum):
    """What stretch of audio a score speaks of."""

    FRAME = "frame"
    UTTERANCE = "utterance"


class Score(TrackMessage):
    """The model's answer for a frame, or for a whole utterance.

    `probabilities` is the posterior over the nine labels, in the order of `EMOTIONS`; it is absent
    when nobody spoke. The binary field `steps` carries a finer float32 matrix (steps x 9) of the
    time inside the frame; its number of rows is `steps`.
    """

    type: Literal["score"] = "score"
    seq: int = Field(
        ge=0, description="The frame's number in its track; for an utterance, the utterance's"
    )
    granularity: Granularity = Granularity.FRAME
    start_ms: int = Field(ge=0, description="From the start of the session")
    end_ms: int = Field(ge=0)
    captured_at: AwareDatetime = Field(description="Wall time of the first sample scored for")
    published_at: AwareDatetime = Field(description="When the frame entered the broker")
    scored_at: AwareDatetime = Field(description="When the model answered")
    emotion: Emotion | Literal["no_speech"] = Field(description="The most probable label")
    confidence: float = Field(ge=0, le=1, description="Its probability; 0 for no_speech")
    probabilities: tuple[float, ...] | None = Field(
        default=None, description="Posterior over the nine labels; null for no_speech"
    )
    steps: int = Field(default=0, ge=0, description="Rows of the binary matrix `steps`; 0 if none")
    window_seconds: float = Field(default=0, ge=0, description="Length of audio the model heard")
    hop_seconds: int = Field(
        default=1,
        ge=1,
        description="How many seconds share this window's posterior; more than 1 under overload",
    )
    speech: float = Field(ge=0, le=1, description="Share of speech in the frame")
    level_dbfs: float = Field(description="RMS level of the frame")
    engine: str = Field(max_length=64, description="emotion2vec, compact or fake")
    model: str = Field(max_length=256, description="Model name")
    revision: str = Field(default="", max_length=128, description="Model revision or weights hash")
    embedding_path: str | None = Field(default=None, description="Where the embedding is stored")
    final: bool = Field(default=False, description="True for the last frame of the track")

    @model_validator(mode="after")
    def _posterior_is_complete(self) -> Self:
        if (self.probabilities is None) != (self.emotion == NO_SPEECH):
            raise ValueError("probabilities are absent exactly when emotion is no_speech")
        if self.probabilities is not None and len(self.probabilities) != len(EMOTIONS):
            raise ValueError(
                f"a posterior has {len(EMOTIONS)} values, not {len(self.probabilities)}"
            )
        return self

    def probability(self, emotion: Emotion) -> float:
        """The probability of one emotion; 0 when nobody spoke."""
        if self.probabilities is None:
            return 0.0
        return self.probabilities[EMOTIONS.index(emotion)]


class GapReason(StrEnum):
    """Why seconds of a track have no score."""

    OVERLOAD = "overload"  # the oldest live frames were shed
    BUFFER_FULL = "buffer_full"  # the broker was away for longer than ingest could hold frames
    POISON = "poison"  # the frame failed too often; it lies among the dead letters
    INVALID = "invalid"  # the frame was malformed; it lies among the dead letters
    SOURCE_LOST = "source_lost"  # audio was missing inside the session


class Gap(TrackMessage):
    """Seconds of a track that were not scored, and why: nothing is silent."""

    type: Literal["gap"] = "gap"
    first_seq: int = Field(ge=0)
    last_seq: int = Field(ge=0)
    reason: GapReason
    detail: str = Field(default="", max_length=512)
    at: AwareDatetime = Field(description="When the gap was declared")
    final: bool = Field(default=False, description="True if it takes the track's last frame")
