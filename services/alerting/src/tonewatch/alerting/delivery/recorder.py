"""Writes down attempts; those that end while a transaction runs share the next one.

A burst of alerts ends many attempts at about the same time, and a transaction for each would make
the disk's sync the limit of how fast receivers are told.
"""

import asyncio
from typing import NamedTuple

from tonewatch.alerting.delivery.attempt import Attempt
from tonewatch.alerting.delivery.outbox import Outbox
from tonewatch.alerting.delivery.tables import DeliveryRow


class _Ended(NamedTuple):
    row: DeliveryRow
    attempt: Attempt
    written: asyncio.Future[None]


class Recorder:
    """Group commit of attempts."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._ended: list[_Ended] = []
        self._writer: asyncio.Task[None] | None = None

    async def record(self, row: DeliveryRow, attempt: Attempt) -> None:
        """Return when the attempt is in the database.

        Raises:
            UnavailableError: it could not be written.
        """
        ended = _Ended(row, attempt, asyncio.get_running_loop().create_future())
        self._ended.append(ended)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), name="delivery-recorder")
        await ended.written

    async def _write(self) -> None:
        while self._ended:
            batch, self._ended = self._ended, []
            try:
                await self._outbox.record([(ended.row, ended.attempt) for ended in batch])
            except Exception as error:  # noqa: BLE001 - each waiting attempt gets it
                for ended in batch:
                    if not ended.written.done():
                        ended.written.set_exception(error)
            else:
                for ended in batch:
                    if not ended.written.done():
                        ended.written.set_result(None)
        self._writer = None
