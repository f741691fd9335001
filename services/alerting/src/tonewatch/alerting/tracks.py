"""The tracks an evaluator has in hand: their state as it was last saved, and their held seconds."""

from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta
from typing import Final

from tonewatch.alerting.engine import (
    UNKNOWN_CALL,
    Bounds,
    Call,
    Reorder,
    TrackState,
    Utterance,
)
from tonewatch.shared.attention import mark
from tonewatch.shared.broker import Broker, Delivery, StateWrite
from tonewatch.shared.logging import get_logger
from tonewatch.shared.messages import Gap, Score, Track

MAX_TRACKS: Final = 20_000
"""Kept in memory; the state of any other is read again when it is needed."""

STATE_TTL: Final = timedelta(days=1)
ENDED_TTL: Final = timedelta(minutes=10)
"""How long stragglers of an ended track are known as such."""

Payload = tuple[Delivery, Score | Gap]
Spoken = tuple[Utterance | None, Delivery, Score]
"""An utterance (None where its posterior is none), and what it came in."""

log = get_logger(__name__)


class TrackInHand:
    """One track; `state` is None when it must be read (again) from the broker."""

    def __init__(self, track: Track, partition: int, bounds: Bounds) -> None:
        self.track = track
        self.key = track.key
        self.partition = partition
        self.call: Call = UNKNOWN_CALL
        self.state: TrackState | None = None
        self.reorder: Reorder[Payload] = Reorder(bounds)
        self.utterances: list[Spoken] = []
        self.touched_at = 0.0
        """When its last message came, on the event loop's clock."""
        self._name = state_name(track)
        self._marked: bool | None = None

    @property
    def name(self) -> str:
        """The name under which the state is saved."""
        return self._name

    def saved(self) -> tuple[StateWrite, ...]:
        """The state as it is now, to be written with the outcome that led to it.

        With it, whether the track deserves attention, where that has changed or is not known.
        """
        state = self.state or TrackState()
        write = StateWrite(self._name, state.encode(), ENDED_TTL if state.ended else STATE_TTL)
        wanted = state.is_urgent and not state.ended
        if wanted == self._marked:
            return (write,)
        self._marked = wanted
        return write, mark(self.track, wanted=wanted)

    def touch(self, message: Score | Gap, now: float) -> None:
        """A message has come; it says whose call this is."""
        self.touched_at = now
        if self.call.labels != message.labels or self.call.source_id != message.source_id:
            self.call = Call(message.source_id, message.labels)

    def doubt(self) -> None:
        """Another replica was first: what it has saved must be read."""
        self.state = self._marked = None


class Tracks:
    """All tracks in hand, least recently used first."""

    def __init__(self, broker: Broker, bounds: Bounds) -> None:
        self._broker = broker
        self._bounds = bounds
        self._tracks: OrderedDict[str, TrackInHand] = OrderedDict()

    def get(self, key: str, track: Track, partition: int) -> TrackInHand:
        """The track of this key, new ones without a state."""
        found = self._tracks.get(key)
        if found is None:
            found = self._tracks[key] = TrackInHand(track, partition, self._bounds)
        self._tracks.move_to_end(key)
        return found

    def __iter__(self) -> Iterator[TrackInHand]:
        return iter(list(self._tracks.values()))

    def blocked(self) -> list[TrackInHand]:
        """Tracks that hold seconds which wait for a missing one."""
        return [track for track in self._tracks.values() if len(track.reorder)]

    async def load(self, tracks: Iterable[TrackInHand]) -> None:
        """Read states from the broker; a newer one replaces what is in memory."""
        by_partition: dict[int, list[TrackInHand]] = defaultdict(list)
        for track in tracks:
            by_partition[track.partition].append(track)
        for partition, members in by_partition.items():
            saved = await self._broker.state(partition, [track.name for track in members])
            for track in members:
                found = decode_state(track.name, saved.get(track.name))
                if track.state is None or found.next_seq > track.state.next_seq:
                    track.state = found

    def forget_idle(self) -> None:
        """Keep memory bounded; tracks that hold seconds are never dropped."""
        surplus = len(self._tracks) - MAX_TRACKS
        if surplus <= 0:
            return
        idle = [
            key
            for key, track in self._tracks.items()
            if not len(track.reorder) and not track.utterances
        ]
        for key in idle[:surplus]:
            del self._tracks[key]

    def leave(self, partitions: Collection[int]) -> None:
        """Forget the tracks of partitions that another replica evaluates now."""
        for key, track in list(self._tracks.items()):
            if track.partition in partitions:
                del self._tracks[key]

    def clear(self) -> None:
        """Forget everything: what was not settled will be handed out again."""
        self._tracks.clear()


def state_name(track: Track) -> str:
    """The name of a track's saved state."""
    return f"alerting:{track.key}"


def decode_state(name: str, saved: bytes | None) -> TrackState:
    """A saved state; a new one where there is none, or none that can be read."""
    if saved is None:
        return TrackState()
    try:
        return TrackState.decode(saved)
    except ValueError as error:
        log.error("a saved state is unreadable, the track begins anew", state=name, reason=error)
        return TrackState()
