"""Sessions that have ended: whatever still fires on their tracks is resolved.

Normally a track ends by its final frame, in order. That frame may never come (ingest was killed),
so the session's end is kept, unacknowledged, until its tracks are through or nothing has moved for
a while. The tracks lie in other partitions than the session, so their state cannot be changed with
it; a `resolved` published here may come twice, with the same id, and counts once.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from tonewatch.alerting.alerts import build_alert
from tonewatch.alerting.engine import TrackState, close_track
from tonewatch.alerting.tracks import decode_state, state_name
from tonewatch.shared.broker import Broker, Delivery, Outcome, Outgoing
from tonewatch.shared.clock import utc_now
from tonewatch.shared.messages import SessionEvent, SessionState, Speaker, Track
from tonewatch.shared.streams import ALERTS, partition_of

LOOK_SECONDS: Final = 1.0


@dataclass(slots=True)
class _End:
    """One ended session, and how far its tracks were when it was last looked at."""

    delivery: Delivery
    event: SessionEvent
    look_at: float = 0.0
    moved_at: float | None = None
    progress: dict[Speaker, int] = field(default_factory=dict)


class SessionEnds:
    """The ended sessions whose tracks are not through."""

    def __init__(self, broker: Broker, *, grace_seconds: float) -> None:
        self._broker = broker
        self._grace_seconds = grace_seconds
        self._ends: dict[tuple[int, str], _End] = {}

    def hold(self, delivery: Delivery, event: SessionEvent) -> bool:
        """Keep a session's end; False if there is nothing to wait for."""
        if event.state is not SessionState.ENDED:
            return False
        key = (delivery.partition, delivery.entry.entry_id)
        self._ends.setdefault(key, _End(delivery, event))
        return True

    async def due(self, now: float) -> list[Outcome]:
        """Outcomes of the sessions that are through, or were waited for long enough."""
        outcomes = []
        for key, end in list(self._ends.items()):
            if now < end.look_at:
                continue
            end.look_at = now + LOOK_SECONDS
            states = {speaker: await self._state(end, speaker) for speaker in end.event.speakers}
            if self._is_over(end, states, now):
                outcomes.append(_outcome(end, states))
                del self._ends[key]
        return outcomes

    def leave(self, partitions: Collection[int]) -> None:
        """Forget the ends that came in partitions which are another replica's now."""
        self._ends = {key: end for key, end in self._ends.items() if key[0] not in partitions}

    def clear(self) -> None:
        """Forget everything: what was not settled will be handed out again."""
        self._ends.clear()

    async def _state(self, end: _End, speaker: Speaker) -> TrackState:
        track = _track(end, speaker)
        name = state_name(track)
        partition = partition_of(track.key, self._broker.partitions)
        return decode_state(name, (await self._broker.state(partition, [name])).get(name))

    def _is_over(self, end: _End, states: dict[Speaker, TrackState], now: float) -> bool:
        frames = end.event.frames
        if all(
            state.ended or (frames is not None and state.next_seq >= frames)
            for state in states.values()
        ):
            return True
        progress = {speaker: state.next_seq for speaker, state in states.items()}
        if end.moved_at is None or progress != end.progress:
            end.moved_at, end.progress = now, progress
        return now - end.moved_at >= self._grace_seconds


def _track(end: _End, speaker: Speaker) -> Track:
    return Track.model_construct(session_id=end.event.session_id, speaker=speaker)


def _outcome(end: _End, states: dict[Speaker, TrackState]) -> Outcome:
    now = utc_now()
    alerts = [
        Outgoing(ALERTS, build_alert(end.event, speaker, transition, now))
        for speaker, state in states.items()
        for transition in close_track(state, end.event.at)
    ]
    return Outcome(end.delivery, publish=alerts)
