"""Live sources under supervision: each runs by itself, none can disturb another."""

from tonewatch.ingest.live.door import Door, new_play_token
from tonewatch.ingest.live.feed import Feed
from tonewatch.ingest.live.fleet import Fleet
from tonewatch.ingest.live.publishes import PublishRepository
from tonewatch.ingest.live.quality import Quality
from tonewatch.ingest.live.shared_door import SharedDoor
from tonewatch.ingest.live.status import Status
from tonewatch.ingest.live.supervisor import Tools
from tonewatch.ingest.live.transitions import SourceState, Transition

__all__ = [
    "Door",
    "Feed",
    "Fleet",
    "PublishRepository",
    "Quality",
    "SharedDoor",
    "SourceState",
    "Status",
    "Tools",
    "Transition",
    "new_play_token",
]
