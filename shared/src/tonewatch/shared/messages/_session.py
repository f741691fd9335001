"""Life of a session: announced when it starts, closed when it ends."""

from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, Field

from tonewatch.shared.messages._base import Message, Speaker
from tonewatch.shared.messages._frame import Lane


class SessionState(StrEnum):
    """Whether the session goes on."""

    STARTED = "started"
    ENDED = "ended"


class SessionEvent(Message):
    """A session began or ended."""

    type: Literal["session"] = "session"
    state: SessionState
    name: str = Field(default="", max_length=256, description="The source's name, for people")
    kind: str = Field(default="", max_length=32, description="pull, rtmp, upload ...")
    lane: Lane = Lane.LIVE
    speakers: tuple[Speaker, ...] = (Speaker.MIXED,)
    at: AwareDatetime = Field(description="When it started or ended")
    frames: int | None = Field(default=None, description="Frames of each track; known at the end")
    reason: str = Field(default="", max_length=512, description="How it ended")
