"""Closes the sessions that a killed ingest left open.

The ledger knows how far a session was some seconds before the end; what it published after that is
still in the stream, for nobody trims frames while ingest is down.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from tonewatch.ingest.publishing import SessionInfo
from tonewatch.ingest.sessions.ledger import Ledger, OpenSession
from tonewatch.shared.broker import Broker, Outgoing
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.errors import InvalidMessageError
from tonewatch.shared.logging import get_logger
from tonewatch.shared.messages import Frame, Gap, GapReason, SessionState, Speaker, Track
from tonewatch.shared.streams import SCORES, SESSIONS, partition_of

READ_ENTRIES: Final = 64
REASON: Final = "ingest was stopped without warning"

log = get_logger(__name__)


async def close_left_open(broker: Broker, ledger: Ledger, left: Sequence[OpenSession]) -> None:
    """Announce the end of each session, with its true number of frames.

    Raises:
        BrokerUnavailableError: call again; a session that was announced twice does no harm.
    """
    for session in left:
        info = session.info
        last = {speaker: await _last_frame(broker, session, speaker) for speaker in info.speakers}
        counts = {
            speaker: max(session.frames, frame.seq + 1) if frame else session.frames
            for speaker, frame in last.items()
        }
        frames, at = max(counts.values()), session.seen_at
        for frame in filter(None, last.values()):
            at = max(at, frame.captured_at + timedelta(seconds=1))
        event = info.event(SessionState.ENDED, at, frames=frames, reason=REASON)
        gaps = [
            Outgoing(SCORES, _missing(info, speaker, count, frames, at))
            for speaker, count in counts.items()
            if count < frames
        ]
        await broker.publish([*gaps, Outgoing(SESSIONS, event)])
        await ledger.forget(info.session_id)
        log.info("closed a session left open", session_id=info.session_id, frames=frames)


def _missing(info: SessionInfo, speaker: Speaker, count: int, frames: int, at: datetime) -> Gap:
    """What the other track of the session still got out."""
    return Gap(
        session_id=info.session_id,
        source_id=info.source_id,
        labels=info.labels,
        speaker=speaker,
        first_seq=count,
        last_seq=frames - 1,
        reason=GapReason.SOURCE_LOST,
        detail=REASON,
        at=at,
        final=True,
    )


async def _last_frame(broker: Broker, session: OpenSession, speaker: Speaker) -> Frame | None:
    """The track's newest frame from the last entry on that the ledger knows."""
    info = session.info
    track = Track(session_id=info.session_id, speaker=speaker)
    partition = partition_of(track.key, broker.partitions)
    position, last = _just_before(session.last_entry_id), None
    while entries := await broker.tail(
        info.frames_stream, {partition: position}, count=READ_ENTRIES, block=None
    ):
        for row in entries:
            position = row.entry.entry_id
            try:
                message = decode(info.frames_stream, row.entry)
            except InvalidMessageError:
                continue
            if isinstance(message, Frame) and message.track == track:
                last = message
    return last


def _just_before(entry_id: str | None) -> str:
    """After this comes the entry: it may be the newest of one track and old for the other."""
    milliseconds, _, number = (entry_id or "0-0").partition("-")
    if int(number):
        return f"{milliseconds}-{int(number) - 1}"
    return f"{max(0, int(milliseconds) - 1)}-0"
