"""A session at work: PCM in, pieces to the publisher, and an orderly end."""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from tonewatch.ingest.audio import Hearing, Piece, Second, TrackCutter
from tonewatch.ingest.audio.framing import SAMPLE_BYTES
from tonewatch.ingest.publishing import Outbox, Publisher, SessionInfo
from tonewatch.ingest.sessions.ledger import Ledger
from tonewatch.shared.clock import utc_now
from tonewatch.shared.logging import get_logger
from tonewatch.shared.messages import SAMPLE_RATE_HZ, Lane, Speaker

PROGRESS_SECONDS: Final = 5.0

log = get_logger(__name__)


class _TrackInput:
    """What came in of one speaker."""

    def __init__(self, lane: Lane) -> None:
        self.cutter = TrackCutter(lookahead=lane is Lane.UPLOAD)
        self.samples = 0


class Session:
    """One unbroken run of a source, with a track for each speaker. Made by `Sessions.open`."""

    def __init__(
        self, info: SessionInfo, outbox: Outbox, publisher: Publisher, hearing: Hearing
    ) -> None:
        self.info = info
        self.outbox = outbox
        self._publisher = publisher
        self._hearing = hearing
        self._tracks = {speaker: _TrackInput(info.lane) for speaker in info.speakers}
        self._is_open = True

    @property
    def frames(self) -> int:
        """Frames cut so far, of the track that has most."""
        return max(track.cutter.next_seq for track in self._tracks.values())

    @property
    def seconds(self) -> float:
        """Audio taken in so far, of the track that has most."""
        return max(track.samples for track in self._tracks.values()) / SAMPLE_RATE_HZ

    def feed(self, pcm: bytes, speaker: Speaker = Speaker.MIXED) -> None:
        """Take audio of a speaker in, in order; complete seconds leave at the loop's next turn."""
        track = self._tracks[speaker]
        track.samples += len(pcm) // SAMPLE_BYTES
        for second in track.cutter.cut(pcm):
            self._listen(track.cutter, second, speaker)

    def end(self, reason: str) -> None:
        """Publish the rest and the end; a second call does nothing.

        A track that ends before another one was silent from there on: all tracks of a session have
        the same number of frames.
        """
        if not self._is_open:
            return
        self._is_open = False
        longest = max(track.samples for track in self._tracks.values())
        for speaker, track in self._tracks.items():
            self.feed(bytes((longest - track.samples) * SAMPLE_BYTES), speaker)
            last = track.cutter.cut_rest()
            if last is not None:
                self._listen(track.cutter, last, speaker)
        self._hearing.flush()
        self.outbox.end(frames=self.frames, reason=reason)
        log.info("session ended", session_id=self.info.session_id, frames=self.frames, why=reason)

    def _listen(self, cutter: TrackCutter, second: Second, speaker: Speaker) -> None:
        self._hearing.add(cutter, second, partial(self._add, speaker))

    def _add(self, speaker: Speaker, piece: Piece) -> None:
        self._publisher.add(self.outbox, piece, self._captured_at(piece), speaker)

    def _captured_at(self, piece: Piece) -> datetime:
        """When the piece's first sample was heard.

        A recording is dated from its upload on. A live frame is dated back from the moment it is
        complete: never in the future, and right again after a stall.
        """
        if self.info.lane is Lane.UPLOAD:
            return self.info.started_at + timedelta(seconds=piece.seq)
        return utc_now() - timedelta(seconds=piece.samples / SAMPLE_RATE_HZ)


class Sessions:
    """Opens sessions, keeps the ledger, and waits for the ends to be announced."""

    def __init__(self, publisher: Publisher, ledger: Ledger) -> None:
        self._publisher = publisher
        self._ledger = ledger
        self._hearing = Hearing()
        self._closers: dict[asyncio.Task[None], SessionInfo] = {}

    async def open(self, info: SessionInfo) -> Session:
        """Begin a session; it is in the ledger before anything of it is published."""
        await self._ledger.open(info)
        outbox = self._publisher.open(info)
        closer = asyncio.create_task(self._close(outbox), name=f"close {info.session_id}")
        self._closers[closer] = info
        closer.add_done_callback(self._closers.pop)
        log.info("session started", session_id=info.session_id, source_id=info.source_id)
        return Session(info, outbox, self._publisher, self._hearing)

    async def note_progress(self) -> None:
        """Write down how far the open sessions are."""
        if outboxes := self._publisher.outboxes():
            await self._ledger.note_progress(outboxes, utc_now())

    async def closed(self) -> None:
        """Wait until every ended session is announced and out of the ledger."""
        if self._closers:
            await asyncio.gather(*self._closers)

    async def closed_of(self, source_id: str, seconds: float) -> bool:
        """Wait until the ended sessions of one source are announced; says whether they are."""
        closers = {task for task, info in self._closers.items() if info.source_id == source_id}
        return not closers or not (await asyncio.wait(closers, timeout=seconds))[1]

    async def give_up(self, source_ids: Collection[str] | None = None) -> int:
        """Let the frames that wait become gaps, of these sources or all; returns how many.

        For sessions that another replica has closed by now: what they hold is not theirs to tell.

        Raises:
            BrokerUnavailableError: nobody knows what of it is published already; call again.
        """
        await self._publisher.resolve_doubt()
        given_up = 0
        for outbox in self._publisher.outboxes():
            if source_ids is None or outbox.info.source_id in source_ids:
                while outbox.oldest_serial() is not None:
                    outbox.drop_oldest()
                    given_up += 1
        return given_up

    async def abandon(self) -> None:
        """Stop waiting; what is still in the ledger is closed at the next start."""
        closers = list(self._closers)
        for closer in closers:
            closer.cancel()
        await asyncio.gather(*closers, return_exceptions=True)

    async def _close(self, outbox: Outbox) -> None:
        await outbox.done()
        try:
            await self._ledger.forget(outbox.info.session_id)
        except SQLAlchemyError as error:
            # its end is then announced once more at the next start, which does no harm
            log.warning("the ledger keeps an ended session", reason=str(error))
