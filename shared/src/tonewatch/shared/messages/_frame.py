"""A frame: one second of one track, with what VAD heard in it."""

from enum import StrEnum
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tonewatch.shared.messages._base import TrackMessage

SAMPLE_RATE_HZ: Final = 16_000
FRAME_SAMPLES: Final = SAMPLE_RATE_HZ
FRAME_BYTES: Final = 2 * FRAME_SAMPLES
"""One second of 16 kHz mono s16le PCM; only the last frame of a session may be shorter."""


class Lane(StrEnum):
    """Which queue a frame waits in: recordings are served after live calls."""

    LIVE = "live"
    UPLOAD = "upload"


class UtteranceMark(BaseModel):
    """A stretch of speech between pauses, as far as it is known when the frame is published."""

    model_config = ConfigDict(frozen=True)

    number: int = Field(ge=0, description="Counts the utterances of the track")
    start_ms: int = Field(ge=0, description="From the start of the session")
    end_ms: int | None = Field(default=None, description="None while the utterance goes on")


class Frame(TrackMessage):
    """Header of one second of audio; the PCM travels beside it in the binary field `pcm`."""

    type: Literal["frame"] = "frame"
    seq: int = Field(ge=0, description="Numbers the frames of the track from 0")
    samples: int = Field(ge=1, le=FRAME_SAMPLES, description="Less than 16000 in a last frame only")
    sample_rate_hz: Literal[16_000] = Field(default=16_000, description="There is no other")
    lane: Lane = Field(default=Lane.LIVE, description="live, or upload (served after live)")
    captured_at: AwareDatetime = Field(description="Wall time of the frame's first sample")
    published_at: AwareDatetime = Field(description="When ingest handed the frame to the broker")
    speech: float = Field(
        ge=0, le=1, allow_inf_nan=False, description="Share of the frame that VAD hears as speech"
    )
    level_dbfs: float = Field(
        allow_inf_nan=False, description="RMS level; 0 is full scale, silence is -100"
    )
    clipping: float = Field(
        default=0.0,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Share of the samples at or next to full scale: overdriven audio",
    )
    utterances: tuple[UtteranceMark, ...] = Field(
        default=(), description="Utterances that touch this frame"
    )
    history: tuple[str, ...] = Field(
        default=(),
        max_length=16,
        description="Stream entry ids of the frames just before this one, oldest first, no gap",
    )
    embeddings: bool = Field(
        default=False, description="The embeddings of the track's utterances are to be kept"
    )
    final: bool = Field(default=False, description="True on the last frame of the track")
