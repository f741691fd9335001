"""Reads one stream without a group, from a little before the start on, until the service stops."""

import asyncio
from datetime import timedelta
from typing import Final

from tonewatch.console.live.hub import Hub
from tonewatch.shared.broker import Broker, TailEntry
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.clock import now_ms
from tonewatch.shared.errors import BrokerUnavailableError, InvalidMessageError
from tonewatch.shared.logging import get_logger
from tonewatch.shared.streams import Stream

BLOCK: Final = timedelta(milliseconds=500)
"""A new entry is read at once; this is how long stopping may take."""
BATCH: Final = 500

log = get_logger(__name__)


class Tail:
    """The one reader of one stream; everybody who watches is served from it.

    It begins `stream.retention` ago, so that a console that was just started knows at once what
    goes on, and after an outage of the broker it goes on where it was.
    """

    def __init__(self, broker: Broker, stream: Stream, hub: Hub) -> None:
        self._broker = broker
        self._stream = stream
        self._hub = hub
        first_ms = now_ms() - int(stream.retention.total_seconds() * 1000)
        self._after = dict.fromkeys(range(broker.partitions), f"{first_ms}-0")

    async def run(self, stop: asyncio.Event) -> None:
        """Read until told to stop.

        Raises:
            BrokerUnavailableError: the broker is away; viewers were told.
        """
        while not stop.is_set():
            try:
                entries = await self._broker.tail(
                    self._stream, self._after, count=BATCH, block=BLOCK
                )
            except BrokerUnavailableError as error:
                self._hub.broker_away(self._stream.name, error.message)
                raise
            self._hub.broker_answers(self._stream.name)
            for entry in sorted(entries, key=lambda found: found.entry.published_ms):
                self._take(entry)
                self._after[entry.partition] = entry.entry.entry_id

    def _take(self, found: TailEntry) -> None:
        try:
            message = decode(self._stream, found.entry)
        except InvalidMessageError as error:
            # the groups dead-letter it and count it; a page can only go on without it
            log.warning("skipped a message", reason=error.message)
            return
        self._hub.publish(message, found.entry.published_ms)
