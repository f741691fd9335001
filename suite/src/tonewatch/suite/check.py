"""The check: follows the demo call from its first score to the signed webhook, and times it.

All latencies count from the moment at which the second of audio in question ended, by ingest's
clock.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tonewatch.shared.broker import Broker, TailEntry
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.clock import utc_now
from tonewatch.shared.emotions import NO_SPEECH
from tonewatch.shared.errors import UnavailableError
from tonewatch.shared.http import AsyncClient, HTTPError
from tonewatch.shared.messages import Alert, AlertState, Message, Score
from tonewatch.shared.streams import ALERTS, SCORES, Stream

STEPS: Final = ("score", "stored", "alert", "webhook")
POLL_SECONDS: Final = 0.1
BLOCK: Final = timedelta(seconds=1)

_Second = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Sighting:
    """One thing that had to be seen, and how long after its second of audio it was."""

    step: str
    latency_seconds: float
    text: str

    def line(self) -> str:
        """For the terminal."""
        return f"seen {self.step:<8} {self.latency_seconds:6.2f} s  {self.text}"


class Check:
    """Watches one source."""

    def __init__(
        self,
        broker: Broker,
        storage: AsyncClient,
        receiver: AsyncClient,
        tell: Callable[[Sighting], None],
    ) -> None:
        self._broker = broker
        self._storage = storage
        self._receiver = receiver
        self._tell = tell
        self._source_id = ""
        self._positions: dict[str, dict[int, str]] = {}
        self._heard: dict[_Second, datetime] = {}
        self._changed = asyncio.Event()
        self._first: Score | None = None
        self._alert: Alert | None = None
        self.seen: dict[str, Sighting] = {}

    @property
    def missing(self) -> list[str]:
        """What was not seen yet."""
        return [step for step in STEPS if step not in self.seen]

    async def prepare(self) -> None:
        """Remember where the streams stand, so that earlier calls do not count."""
        for stream in (SCORES, ALERTS):
            self._positions[stream.name] = await self._broker.last_ids(stream)

    async def run(self, source_id: str, limit: timedelta) -> bool:
        """Watch until all was seen (True) or the time is over."""
        self._source_id = source_id
        steps: list[Coroutine[Any, Any, None]] = [
            self._scores(), self._stored(), self._alerts(), self._webhook()
        ]  # fmt: skip
        try:
            async with asyncio.timeout(limit.total_seconds()), asyncio.TaskGroup() as group:
                tasks = [group.create_task(step) for step in steps]
                while self.missing:
                    await self._next_change()
                for task in tasks:
                    task.cancel()
        except TimeoutError:
            return False
        return True

    async def _scores(self) -> None:
        async for message, at in self._tail(SCORES):
            if not isinstance(message, Score):
                continue
            length = timedelta(milliseconds=message.end_ms - message.start_ms)
            second = (message.session_id, message.speaker.value, message.seq)
            self._heard[second] = message.captured_at + length
            self._change()
            if self._first is None and message.emotion != NO_SPEECH:
                self._first = message
                text = f"{message.emotion} {message.confidence:.2f} by {message.engine}"
                self._see("score", second, at, text)

    async def _stored(self) -> None:
        while self._first is None:
            await self._next_change()
        first = self._first
        wanted = {"session_id": first.session_id, "order": "asc", "limit": 100}
        while True:
            items = await _items(self._storage, "/v1/records", wanted)
            if any(item["seq"] == first.seq for item in items):
                second = (first.session_id, first.speaker.value, first.seq)
                text = f"record of second {first.seq} in the storage API"
                return self._see("stored", second, utc_now(), text)
            await asyncio.sleep(POLL_SECONDS)

    async def _alerts(self) -> None:
        async for message, at in self._tail(ALERTS):
            if isinstance(message, Alert) and message.state is AlertState.FIRING:
                second = (message.session_id, message.speaker.value, message.last_seq)
                while second not in self._heard:
                    await self._next_change()
                if self._alert is None:
                    self._alert = message
                    self._see("alert", second, at, f"rule {message.rule}, {message.priority}")

    async def _webhook(self) -> None:
        while True:
            for item in await _items(self._receiver, "/received", {}):
                alert = self._alert
                firing = item["type"] == "alert.firing"
                if alert and firing and item["data"].get("alert_id") == alert.alert_id:
                    second = (alert.session_id, alert.speaker.value, alert.last_seq)
                    at = datetime.fromisoformat(item["received_at"])
                    text = f"{item['type']}, signature verified"
                    return self._see("webhook", second, at, text)
            await asyncio.sleep(POLL_SECONDS)

    async def _tail(self, stream: Stream) -> AsyncIterator[tuple[Message, datetime]]:
        """Messages of the watched source, with the broker's time of each."""
        after = self._positions[stream.name]
        while True:
            for found in await self._read(stream, after):
                after[found.partition] = found.entry.entry_id
                message = decode(stream, found.entry)
                if message.source_id == self._source_id:
                    at = datetime.fromtimestamp(found.entry.published_ms / 1000, UTC)
                    yield message, at

    async def _read(self, stream: Stream, after: dict[int, str]) -> list[TailEntry]:
        try:
            return await self._broker.tail(stream, after, count=50, block=BLOCK)
        except UnavailableError:  # it is being restarted; the supervisor says so
            await asyncio.sleep(POLL_SECONDS)
            return []

    def _see(self, step: str, second: _Second, at: datetime, text: str) -> None:
        sighting = Sighting(step, (at - self._heard[second]).total_seconds(), text)
        self.seen[step] = sighting
        self._tell(sighting)
        self._change()

    def _change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _next_change(self) -> None:
        await self._changed.wait()


async def _items(client: AsyncClient, path: str, query: dict[str, Any]) -> list[Any]:
    """The items of a list answer; none while the server cannot answer."""
    try:
        response = await client.get(path, params=query)
    except HTTPError:
        return []
    return list(response.json()["items"]) if response.is_success else []
