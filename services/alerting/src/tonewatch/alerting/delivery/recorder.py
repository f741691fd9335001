"""Writes down attempts; those that end while a transaction runs share the next one.

A burst of alerts ends many attempts at about the same time, and a transaction for each would make
the disk's sync the limit of how fast receivers are told.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tonewatch.alerting.delivery.attempt import Attempt
from tonewatch.alerting.delivery.outbox import Outbox
from tonewatch.alerting.delivery.tables import DeliveryRow
from tonewatch.shared.errors import UnavailableError
from tonewatch.shared.logging import get_logger

SentListener = Callable[[Sequence[str]], None]
"""Called with the ids of alerts that somebody was told of, after the commit."""

log = get_logger(__name__)


class _Ended(NamedTuple):
    rows: Sequence[DeliveryRow]
    attempt: Attempt
    written: asyncio.Future[bool]


class Recorder:
    """Group commit of attempts."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._ended: list[_Ended] = []
        self._writer: asyncio.Task[None] | None = None
        self._listeners: list[SentListener] = []
        self._after_commit: list[Callable[[], None]] = []

    def on_sent(self, listener: SentListener) -> None:
        """Call this after each commit that wrote down successful sends."""
        self._listeners.append(listener)

    def on_written(self, callback: Callable[[], None]) -> None:
        """Call this after each commit."""
        self._after_commit.append(callback)

    def record(self, rows: Sequence[DeliveryRow], attempt: Attempt) -> asyncio.Future[bool]:
        """Write an attempt down soon; the future says whether it was.

        One that could not be is sent again, with the same id, when its lease ends.
        """
        ended = _Ended(rows, attempt, asyncio.get_running_loop().create_future())
        self._ended.append(ended)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), name="delivery-recorder")
        return ended.written

    async def drain(self) -> None:
        """Wait until everything is written."""
        if self._writer is not None:
            await asyncio.wait([self._writer])

    async def _write(self) -> None:
        try:
            while self._ended:
                batch, self._ended = self._ended, []
                is_written = await self._write_batch(batch)
                for ended in batch:
                    if not ended.written.done():
                        ended.written.set_result(is_written)
                if is_written:
                    self._tell(batch)
        finally:
            self._writer = None

    async def _write_batch(self, batch: Sequence[_Ended]) -> bool:
        try:
            await self._outbox.record(
                [(row, ended.attempt) for ended in batch for row in ended.rows]
            )
        except UnavailableError as error:
            log.warning("attempts could not be written down", reason=error.message)
            return False
        except Exception:
            log.exception("attempts could not be written down")
            return False
        return True

    def _tell(self, batch: Sequence[_Ended]) -> None:
        for callback in self._after_commit:
            callback()
        sent = [row.alert_id for ended in batch if ended.attempt.delivered for row in ended.rows]
        if sent:
            for listener in self._listeners:
                listener(sent)
