"""Closes the sessions that a killed ingest left open.

The ledger knows how far a session was some seconds before the end; what it published after that is
still in the stream, for nobody trims frames while ingest is down.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from tonewatch.ingest.sessions.ledger import Ledger, OpenSession
from tonewatch.shared.broker import Broker, Outgoing
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.errors import InvalidMessageError
from tonewatch.shared.logging import get_logger
from tonewatch.shared.messages import Frame, SessionState, Speaker, Track
from tonewatch.shared.streams import SESSIONS, partition_of

READ_ENTRIES: Final = 64
REASON: Final = "ingest was stopped without warning"

log = get_logger(__name__)


async def close_left_open(broker: Broker, ledger: Ledger, left: Sequence[OpenSession]) -> None:
    """Announce the end of each session, with its true number of frames.

    Raises:
        BrokerUnavailableError: call again; a session that was announced twice does no harm.
    """
    for session in left:
        last = await _last_frame(broker, session)
        frames, at = session.frames, session.seen_at
        if last is not None:
            frames = max(frames, last.seq + 1)
            at = max(at, last.captured_at + timedelta(seconds=1))
        event = session.info.event(SessionState.ENDED, at, frames=frames, reason=REASON)
        await broker.publish([Outgoing(SESSIONS, event)])
        await ledger.forget(session.info.session_id)
        log.info("closed a session left open", session_id=session.info.session_id, frames=frames)


async def _last_frame(broker: Broker, session: OpenSession) -> Frame | None:
    """The session's newest frame after the last one that the ledger knows."""
    info = session.info
    track = Track(session_id=info.session_id, speaker=Speaker.MIXED)
    partition = partition_of(track.key, broker.partitions)
    position, last = session.last_entry_id or "0-0", None
    while entries := await broker.tail(
        info.frames_stream, {partition: position}, count=READ_ENTRIES, block=None
    ):
        for row in entries:
            position = row.entry.entry_id
            try:
                message = decode(info.frames_stream, row.entry)
            except InvalidMessageError:
                continue
            if isinstance(message, Frame) and message.session_id == info.session_id:
                last = message
    return last
