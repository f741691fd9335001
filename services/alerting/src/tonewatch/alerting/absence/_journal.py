"""What is open, read from the alerts stream: firing, and not yet resolved."""

from collections import OrderedDict
from datetime import timedelta
from typing import Final

from tonewatch.shared.broker import Broker
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.errors import InvalidMessageError
from tonewatch.shared.messages import Alert, AlertState, AlertSubject, Message
from tonewatch.shared.streams import Stream

READ_ENTRIES: Final = 1000
MAX_KNOWN: Final = 50_000
REPEAT_AFTER: Final = timedelta(minutes=10)
"""An open alert is published again before the stream forgets it."""


class Tail:
    """Every message of a stream since its beginning, without a group: all replicas see all."""

    def __init__(self, broker: Broker, stream: Stream) -> None:
        self._broker = broker
        self._stream = stream
        self._positions = dict.fromkeys(range(broker.partitions), "0-0")

    async def new(self) -> list[Message]:
        """What has come since the last call."""
        messages = []
        while True:
            entries = await self._broker.tail(
                self._stream, self._positions, count=READ_ENTRIES, block=None
            )
            for seen in entries:
                self._positions[seen.partition] = seen.entry.entry_id
                try:
                    messages.append(decode(self._stream, seen.entry))
                except InvalidMessageError:
                    continue  # whoever has to settle it says so
            if len(entries) < READ_ENTRIES:
                return messages


class Journal:
    """The alerts about streams and inference, by id."""

    def __init__(self) -> None:
        self.open: dict[str, Alert] = {}
        self._known: OrderedDict[str, None] = OrderedDict()

    def read(self, messages: list[Message]) -> None:
        """Take in what was published, by whomever."""
        for alert in messages:
            if not isinstance(alert, Alert) or alert.subject is AlertSubject.EMOTION:
                continue
            self._known[alert.alert_id] = None
            if alert.state is AlertState.FIRING:
                self.open[alert.alert_id] = alert
            else:
                self.open.pop(alert.alert_id, None)
        while len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)

    def knows(self, alert_id: str) -> bool:
        """Whether it has fired, be it open or over."""
        return alert_id in self._known

    def has(self, rule: str, session_id: str | None = None) -> bool:
        """Whether a rule has something open (about a session)."""
        return any(
            alert.rule == rule and session_id in {None, alert.session_id}
            for alert in self.open.values()
        )
