"""What a session has to say to the broker: its start and end, frames, and what was lost of it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tonewatch.ingest.audio import Piece
from tonewatch.shared.clock import utc_now
from tonewatch.shared.messages import Frame, Lane, SessionEvent, SessionState, Speaker
from tonewatch.shared.streams import FRAMES, UPLOADS, Stream

EMBEDDINGS_LABEL: Final = "embeddings"
"""A source or upload whose label of this name is `true` has its utterances' embeddings kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInfo:
    """What is known of a session when it starts."""

    session_id: str
    source_id: str
    name: str
    kind: str
    started_at: datetime
    labels: dict[str, str] = field(default_factory=dict)
    lane: Lane = Lane.LIVE
    speakers: tuple[Speaker, ...] = (Speaker.MIXED,)
    """Whose voices are published, one track each."""

    @property
    def frames_stream(self) -> Stream:
        """Where the session's frames go."""
        return FRAMES if self.lane is Lane.LIVE else UPLOADS

    def event(self, state: SessionState, at: datetime, **details: str | int | None) -> SessionEvent:
        """The announcement that the session started or ended."""
        return SessionEvent.model_validate(
            {
                "session_id": self.session_id,
                "source_id": self.source_id,
                "labels": self.labels,
                "state": state,
                "name": self.name,
                "kind": self.kind,
                "lane": self.lane,
                "speakers": self.speakers,
                "at": at,
                **details,
            }
        )


@dataclass(frozen=True, slots=True)
class Draft:
    """A frame that lacks what is known only when it is published: its history, and when."""

    frame: Frame
    pcm: bytes
    serial: int
    """Orders the frames of all sessions by when they were taken in."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Frames of a track that did not fit into the buffer."""

    speaker: Speaker
    first_seq: int
    last_seq: int
    final: bool = False


Item = SessionEvent | Draft | Lost


def speaker_of(item: Item) -> Speaker | None:
    """Whose track an item moves on; None for what concerns the whole session."""
    match item:
        case Draft():
            return item.frame.speaker
        case Lost():
            return item.speaker
        case _:
            return None


def draft_frame(info: SessionInfo, piece: Piece, captured_at: datetime, speaker: Speaker) -> Frame:
    """The frame of a piece, still without its history."""
    return Frame(
        session_id=info.session_id,
        source_id=info.source_id,
        labels=info.labels,
        speaker=speaker,
        seq=piece.seq,
        samples=piece.samples,
        lane=info.lane,
        captured_at=captured_at,
        published_at=utc_now(),
        speech=piece.speech,
        level_dbfs=piece.level_dbfs,
        clipping=piece.clipping,
        utterances=piece.utterances,
        embeddings=info.labels.get(EMBEDDINGS_LABEL) == "true",
        final=piece.final,
    )
