"""Which tracks deserve attention first: those with an alert that is pending or firing.

Alerting keeps a mark for such a track, in the same atomic step that saves the rule's state; workers
that have a backlog look for the marks and score these tracks before others.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from tonewatch.shared.broker import Broker, StateWrite
from tonewatch.shared.messages import Track

MARK_TTL: Final = timedelta(hours=6)
"""So that the mark of a track that never ended properly goes by itself."""


def mark(track: Track, *, wanted: bool) -> StateWrite:
    """What to write when an alert of the track becomes pending, and when the last one is over."""
    return StateWrite(_name(track), b"1" if wanted else None, MARK_TTL)


async def marked(broker: Broker, partition: int, tracks: Iterable[Track]) -> set[str]:
    """The keys of those tracks of one partition that are marked."""
    names = {_name(track): track.key for track in tracks}
    found = await broker.state(partition, list(names))
    return {names[name] for name in found}


def _name(track: Track) -> str:
    return f"attention:{track.key}"
