"""Live sources under supervision: each runs by itself, none can disturb another."""

from tonewatch.ingest.live.door import Door, new_play_token
from tonewatch.ingest.live.fleet import Fleet
from tonewatch.ingest.live.publishes import PublishRepository
from tonewatch.ingest.live.status import SourceState, Status
from tonewatch.ingest.live.supervisor import Tools

__all__ = [
    "Door",
    "Fleet",
    "PublishRepository",
    "SourceState",
    "Status",
    "Tools",
    "new_play_token",
]
