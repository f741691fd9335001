"""Which streams are down, and which of them are up again."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from tonewatch.alerting.absence._alerts import Gone
from tonewatch.alerting.absence._sources import Sources, ended_badly
from tonewatch.alerting.tracks import TrackInHand
from tonewatch.shared.messages import Alert

LONGEST: Final = timedelta(days=1)
"""A stream that has not come back by then is not expected any more."""

RECORDINGS: Final = "upload"
"""The source of all recordings: they pause as they like."""


def broken(sources: Sources) -> Iterator[Gone]:
    """Sources whose newest session ended as nobody wanted."""
    for end in sources.broken():
        yield Gone(end.session_id, end.source_id, end.labels, end.frames or 0, end.at)


def silent_tracks(
    tracks: Iterable[TrackInHand], sources: Sources, idle: Mapping[str, float], least_seconds: float
) -> list[TrackInHand]:
    """Tracks whose session goes on but that have brought nothing for a while."""
    return [
        track
        for track in tracks
        if idle[track.key] > least_seconds
        and track.state is not None
        and not track.state.ended
        and track.call.source_id != RECORDINGS
        and not sources.has_ended(track.call.source_id, track.track.session_id)
    ]


def gone_silent(track: TrackInHand, since: datetime) -> Gone:
    """A track that brings nothing, as the end of its session."""
    frames = 0 if track.state is None else track.state.next_seq
    return Gone(track.track.session_id, track.call.source_id, track.call.labels, frames, since)


def up_again(
    alert: Alert,
    sources: Sources,
    tracks: Iterable[TrackInHand],
    idle: Mapping[str, float],
    now: datetime,
) -> datetime | None:
    """Since when the stream of an open alert is up (or not expected any more); None: it is down."""
    source = sources.get(alert.source_id)
    if source is not None:
        if source.newest.session_id != alert.session_id:
            if source.newest.at > alert.started_at:
                return source.newest.at
        elif source.ended is not None and not ended_badly(source.ended):
            return source.ended.at
    for track in tracks:
        if track.call.source_id != alert.source_id or idle[track.key] >= alert.threshold:
            continue
        if track.state is None or track.state.ended:
            continue
        if not sources.has_ended(alert.source_id, track.track.session_id):
            return now
    return now if now - alert.started_at > LONGEST else None
