"""Publishes what all sessions have to say, and holds a bounded buffer while the broker is away.

A frame names the entries of the frames before it, whose ids the broker gives. So publishing goes in
rounds: at most one frame of each track, all in one round trip. While the broker is away, live
frames wait; when `buffer_frames` wait in all, or `session_seconds` of one session, the oldest one
becomes part of a gap.
"""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from tonewatch.ingest.audio import Piece
from tonewatch.ingest.publishing.doubt import FrameKey, find_frames, frame_key
from tonewatch.ingest.publishing.items import Draft, Item, SessionInfo, draft_frame
from tonewatch.ingest.publishing.outbox import Outbox
from tonewatch.shared.broker import Broker
from tonewatch.shared.errors import UnavailableError
from tonewatch.shared.logging import get_logger
from tonewatch.shared.messages import GapReason, Speaker
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.streams import Stream, partition_of

ROUND_SESSIONS: Final = 64
"""Sessions in one round trip: at most about 2 MB."""
RETRY_SECONDS: Final = 0.5
USUAL_FRAMES: Final = 3
"""So many of a session wait while all is well."""

log = get_logger(__name__)

Place = tuple[Stream, int]
"""A stream and a partition of it."""
Round = list[tuple[Outbox, list[Item]]]


class Publisher:
    """The one way from ingest into the broker."""

    def __init__(
        self,
        broker: Broker,
        metrics: Metrics,
        *,
        buffer_frames: int,
        session_seconds: int = 3600,
    ) -> None:
        self._broker = broker
        self._session_seconds = session_seconds
        self._metrics = metrics
        self._buffer_frames = buffer_frames
        self._outboxes: dict[str, Outbox] = {}
        self._serials = itertools.count()
        self._wake = asyncio.Event()
        self._closing = False
        self._newest: dict[Place, str] = {}
        self.away: str | None = None
        """Why nothing can be published now; None when all is well."""

    @property
    def held_frames(self) -> int:
        """Live frames that wait for the broker."""
        return sum(box.held_frames for box in self._outboxes.values() if not box.is_lossless)

    def open(self, info: SessionInfo) -> Outbox:
        """Start a session: its outbox, the start already announced."""
        outbox = Outbox(info, self._wake.set)
        self._outboxes[info.session_id] = outbox
        outbox.start()
        return outbox

    def outboxes(self) -> list[Outbox]:
        """The sessions that have something to say, or may have."""
        return list(self._outboxes.values())

    def add(
        self,
        outbox: Outbox,
        piece: Piece,
        captured_at: datetime,
        speaker: Speaker = Speaker.MIXED,
    ) -> None:
        """Take a piece of audio in; never waits. If the buffer is full the oldest frame goes."""
        frame = draft_frame(outbox.info, piece, captured_at, speaker)
        outbox.add(frame, piece.pcm, next(self._serials))
        if outbox.is_lossless or outbox.held_frames <= USUAL_FRAMES:
            return  # to add up what all sessions hold costs more than the rest of this
        if outbox.held_frames > self._session_seconds * len(outbox.info.speakers):
            self._drop_of(outbox)
        elif self.held_frames > self._buffer_frames:
            self._drop_oldest()
        self._metrics.set("ingest_buffer_frames", self.held_frames)

    def finish(self) -> None:
        """Let `run` return as soon as everything is published."""
        self._closing = True
        self._wake.set()

    async def run(self) -> None:
        """Publish until `finish` was called and nothing is left."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self.resolve_doubt()
                await self._publish_all()
            except UnavailableError as error:
                await self._wait_for_broker(error.message)
                continue
            if self.away is not None:
                log.info("the broker is back, everything is published")
                self.away = None
            if self._closing and not any(box.items for box in self._outboxes.values()):
                return

    async def _wait_for_broker(self, reason: str) -> None:
        if self.away is None:
            log.warning("the broker is away, frames are held", reason=reason)
        self.away = reason
        self._wake.set()
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            # a ping, not the frames: what a frozen server finds in its sockets when it wakes up is
            # executed, though nobody waits for the answer any more
            try:
                return await self._broker.ping()
            except UnavailableError as error:
                self.away = error.message

    async def _publish_all(self) -> None:
        while taken := list(itertools.islice(self._take(), ROUND_SESSIONS)):
            await self._publish(taken)
            self._metrics.set("ingest_buffer_frames", self.held_frames)

    def _take(self) -> Iterator[tuple[Outbox, list[Item]]]:
        for outbox in list(self._outboxes.values()):
            if outbox.items:
                yield outbox, outbox.take_round()

    async def _publish(self, taken: Round) -> None:
        messages = [outbox.outgoing(item) for outbox, items in taken for item in items]
        try:
            ids = iter(await self._broker.publish(messages))
        except BaseException:
            for outbox, items in taken:
                outbox.put_back(items)
            raise
        for outbox, items in taken:
            for item in items:
                self._settled(outbox, item, next(ids))

    def _settled(self, outbox: Outbox, item: Item, entry_id: str) -> None:
        outbox.settled(item, entry_id)
        if isinstance(item, Draft):
            self._newest[self._place(outbox, item)] = entry_id
            self._metrics.count("frames_published_total", lane=outbox.info.lane.value)
        # a session is over when its end is out, which is the last thing it says
        if outbox.is_done:
            self._outboxes.pop(outbox.info.session_id, None)

    def _place(self, outbox: Outbox, draft: Draft) -> Place:
        partition = partition_of(draft.frame.partition_key, self._broker.partitions)
        return outbox.info.frames_stream, partition

    async def resolve_doubt(self) -> None:
        """Settle those frames of a failed round that did arrive."""
        doubts: dict[Place, dict[FrameKey, tuple[Outbox, Draft]]] = defaultdict(dict)
        for outbox in self._outboxes.values():
            for draft in outbox.doubtful:
                doubts[self._place(outbox, draft)][frame_key(draft.frame)] = outbox, draft
        for (stream, partition), drafts in doubts.items():
            found = await find_frames(
                self._broker,
                stream,
                partition,
                after=self._newest.get((stream, partition), "0-0"),
                wanted=drafts,
            )
            for key, (outbox, draft) in drafts.items():
                outbox.resolve_doubt(draft, found.get(key))

    def _drop_oldest(self) -> None:
        candidates = [
            (serial, outbox)
            for outbox in self._outboxes.values()
            if not outbox.is_lossless and (serial := outbox.oldest_serial()) is not None
        ]
        if candidates:
            self._drop_of(min(candidates, key=lambda pair: pair[0])[1])

    def _drop_of(self, outbox: Outbox) -> None:
        outbox.drop_oldest()
        self._metrics.count("frames_dropped_total", reason=GapReason.BUFFER_FULL.value)
