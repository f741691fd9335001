"""From pieces of audio to messages in the broker, in order, through outages of the broker."""

from tonewatch.ingest.publishing.items import Lost, SessionInfo
from tonewatch.ingest.publishing.outbox import Outbox
from tonewatch.ingest.publishing.publisher import Publisher

__all__ = ["Lost", "Outbox", "Publisher", "SessionInfo"]
