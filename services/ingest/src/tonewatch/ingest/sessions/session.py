"""A session at work: PCM in, pieces to the publisher, and an orderly end."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from tonewatch.ingest.audio import Piece, TrackCutter
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

    def __init__(self, info: SessionInfo, outbox: Outbox, publisher: Publisher) -> None:
        self.info = info
        self.outbox = outbox
        self._publisher = publisher
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
        """Take audio of a speaker in, in order; complete seconds leave at once."""
        track = self._tracks[speaker]
        track.samples += len(pcm) // SAMPLE_BYTES
        for piece in track.cutter.feed(pcm):
            self._add(piece, speaker)

    async def feed_aside(self, parts: Sequence[tuple[Speaker, bytes]]) -> None:
        """The same for a long stretch of a recording: VAD hears it in a thread.

        Cancelled, it still adds what was cut, so that no number of a frame is left out.
        """
        work = asyncio.ensure_future(asyncio.to_thread(self._cut, parts))
        try:
            await asyncio.shield(work)
        finally:
            while not work.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({work})
            for piece, speaker in work.result():
                self._add(piece, speaker)

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
            last = track.cutter.finish()
            if last is not None:
                self._add(last, speaker)
        self.outbox.end(frames=self.frames, reason=reason)
        log.info("session ended", session_id=self.info.session_id, frames=self.frames, why=reason)

    def _cut(self, parts: Sequence[tuple[Speaker, bytes]]) -> list[tuple[Piece, Speaker]]:
        """The pieces that the parts complete, in the order of their seconds."""
        cut: list[tuple[Piece, Speaker]] = []
        for speaker, pcm in parts:
            track = self._tracks[speaker]
            track.samples += len(pcm) // SAMPLE_BYTES
            cut += [(piece, speaker) for piece in track.cutter.feed(pcm)]
        return sorted(cut, key=lambda pair: pair[0].seq)

    def _add(self, piece: Piece, speaker: Speaker) -> None:
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
        self._closers: set[asyncio.Task[None]] = set()

    async def open(self, info: SessionInfo) -> Session:
        """Begin a session; it is in the ledger before anything of it is published."""
        await self._ledger.open(info)
        outbox = self._publisher.open(info)
        closer = asyncio.create_task(self._close(outbox), name=f"close {info.session_id}")
        self._closers.add(closer)
        closer.add_done_callback(self._closers.discard)
        log.info("session started", session_id=info.session_id, source_id=info.source_id)
        return Session(info, outbox, self._publisher)

    async def note_progress(self) -> None:
        """Write down how far the open sessions are."""
        if outboxes := self._publisher.outboxes():
            await self._ledger.note_progress(outboxes, utc_now())

    async def closed(self) -> None:
        """Wait until every ended session is announced and out of the ledger."""
        if self._closers:
            await asyncio.gather(*self._closers)

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
