"""What one session has to say to the broker and has not said yet, in order."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tonewatch.ingest.publishing.items import Draft, Item, Lost, SessionInfo, speaker_of
from tonewatch.shared.broker import Outgoing
from tonewatch.shared.clock import utc_now
from tonewatch.shared.messages import (
    Frame,
    Gap,
    GapReason,
    Lane,
    SessionEvent,
    SessionState,
    Speaker,
)
from tonewatch.shared.streams import SCORES, SESSIONS

HISTORY_FRAMES: Final = 9
"""Windows look back over at most ten seconds: the frame itself and nine before it."""


@dataclass(slots=True)
class _Progress:
    """How far a track is."""

    history: deque[str] = field(default_factory=lambda: deque(maxlen=HISTORY_FRAMES))
    settled_seq: int = 0
    newest_entry_id: str | None = None


class Outbox:
    """The queue of one session; the publisher empties it. All its tracks travel in it."""

    def __init__(self, info: SessionInfo, notify: Callable[[], None]) -> None:
        self.info = info
        self.items: deque[Item] = deque()
        self.held_frames = 0
        self.doubtful: list[Draft] = []
        """Frames that were sent to the broker without an answer; they may be there or not."""
        self._tracks = {speaker: _Progress() for speaker in info.speakers}
        self._notify = notify
        self._moved = asyncio.Event()
        self._done = asyncio.Event()

    @property
    def is_lossless(self) -> bool:
        """Recordings wait for the broker; live audio cannot."""
        return self.info.lane is Lane.UPLOAD

    @property
    def last_entry_id(self) -> str | None:
        """An entry before which the session has published all that it will, in every track."""
        newest = [track.newest_entry_id for track in self._tracks.values()]
        known = [entry_id for entry_id in newest if entry_id is not None]
        return min(known, key=_entry_order) if len(known) == len(newest) else None

    @property
    def settled_seq(self) -> int:
        """Frames of every track up to here (exclusive) are in the broker, or in a gap that is."""
        return min(track.settled_seq for track in self._tracks.values())

    def start(self) -> None:
        """Announce the session."""
        self._put(self.info.event(SessionState.STARTED, self.info.started_at))

    def add(self, frame: Frame, pcm: bytes, serial: int) -> None:
        """Take a frame in, without waiting."""
        self.held_frames += 1
        self._put(Draft(frame, pcm, serial))

    def end(self, *, frames: int, reason: str) -> None:
        """Announce the end, after everything before it."""
        self._put(
            self.info.event(SessionState.ENDED, utc_now(), frames=frames, reason=reason[:512])
        )

    async def room(self, frames: int) -> None:
        """Wait until fewer than so many frames wait here (the back-pressure of recordings)."""
        while self.held_frames >= frames:
            self._moved.clear()
            await self._moved.wait()

    @property
    def is_done(self) -> bool:
        """Whether the end of the session has been announced."""
        return self._done.is_set()

    async def done(self) -> None:
        """Wait until the end of the session has been announced."""
        await self._done.wait()

    def oldest_serial(self) -> int | None:
        """When the oldest frame that can be given up was taken in."""
        index = self._droppable()
        return None if index is None else self._draft(index).serial

    def drop_oldest(self) -> None:
        """Let the oldest frame that can be given up become a gap; a gap just before it grows."""
        index = self._droppable()
        if index is None:
            return
        draft = self._draft(index)
        speaker, seq, final = draft.frame.speaker, draft.frame.seq, draft.frame.final
        earlier = self._gap_before(index, speaker)
        if earlier is None:
            self.items[index] = Lost(speaker, seq, seq, final)
        else:
            place, lost = earlier
            self.items[place] = Lost(speaker, lost.first_seq, seq, final)
            del self.items[index]
        self.held_frames -= 1

    def take_round(self) -> list[Item]:
        """What can be published in one step: nothing that changes the history of what follows.

        That is at most one frame or gap of each track.
        """
        taken: list[Item] = []
        moved: set[Speaker] = set()
        while self.items:
            speaker = speaker_of(self.items[0])
            if speaker in moved:
                break
            if speaker is not None:
                moved.add(speaker)
            taken.append(self.items.popleft())
        return taken

    def put_back(self, items: list[Item]) -> None:
        """Undo `take_round`: nobody knows whether the step happened."""
        self.items.extendleft(reversed(items))
        self.doubtful = [item for item in items if isinstance(item, Draft)]

    def resolve_doubt(self, draft: Draft, entry_id: str | None) -> None:
        """Now it is known: a doubtful frame is in the broker, or it must be sent again."""
        self.doubtful.remove(draft)
        if entry_id is not None:
            self.items.remove(draft)
            self.settled(draft, entry_id)

    def outgoing(self, item: Item) -> Outgoing:
        """The message of an item, as of now."""
        if isinstance(item, SessionEvent):
            return Outgoing(SESSIONS, item)
        if isinstance(item, Lost):
            return Outgoing(SCORES, self._gap(item))
        frame = item.frame.model_copy(
            update={
                "history": tuple(self._tracks[item.frame.speaker].history),
                "published_at": utc_now(),
            }
        )
        return Outgoing(self.info.frames_stream, frame, {"pcm": item.pcm})

    def settled(self, item: Item, entry_id: str) -> None:
        """An item is in the broker."""
        if isinstance(item, Draft):
            self.held_frames -= 1
            track = self._tracks[item.frame.speaker]
            track.history.append(entry_id)
            track.newest_entry_id = entry_id
            track.settled_seq = item.frame.seq + 1
        elif isinstance(item, Lost):
            track = self._tracks[item.speaker]
            track.history.clear()
            track.settled_seq = item.last_seq + 1
        elif item.state is SessionState.ENDED:
            self._done.set()
        self._moved.set()

    def _droppable(self) -> int | None:
        """A doubtful frame stays: in the broker and in a gap, it would be counted twice."""
        for index, item in enumerate(self.items):
            if isinstance(item, Draft) and not any(item is each for each in self.doubtful):
                return index
        return None

    def _gap_before(self, index: int, speaker: Speaker) -> tuple[int, Lost] | None:
        """The gap that ends where the track's frame at this index begins, and its place."""
        for place in range(index - 1, -1, -1):
            item = self.items[place]
            if speaker_of(item) is speaker:
                return (place, item) if isinstance(item, Lost) else None
        return None

    def _draft(self, index: int) -> Draft:
        item = self.items[index]
        assert isinstance(item, Draft)  # noqa: S101 - found as one
        return item

    def _put(self, item: Item) -> None:
        self.items.append(item)
        self._notify()

    def _gap(self, lost: Lost) -> Gap:
        count = lost.last_seq - lost.first_seq + 1
        return Gap(
            session_id=self.info.session_id,
            source_id=self.info.source_id,
            labels=self.info.labels,
            speaker=lost.speaker,
            first_seq=lost.first_seq,
            last_seq=lost.last_seq,
            reason=GapReason.BUFFER_FULL,
            detail=f"{count} s of audio did not fit into the buffer while the broker was away",
            at=utc_now(),
            final=lost.final,
        )


def _entry_order(entry_id: str) -> tuple[int, int]:
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)
