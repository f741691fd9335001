"""Tells storage what people made of alerts, so that its statistics and searches know it too.

A verdict is marked as waiting in the transaction that writes it, and the mark is taken off when
storage has answered: told at least once, through restarts and outages of either. Storage keeps the
newest, so to be told twice changes nothing.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from sqlalchemy import select, update

from tonewatch.alerting.notices.model import EventKind
from tonewatch.alerting.notices.tables import AlertRow, EventRow
from tonewatch.shared.clock import now_ms
from tonewatch.shared.database import Database
from tonewatch.shared.errors import UnavailableError
from tonewatch.shared.http import AsyncClient, HTTPError
from tonewatch.shared.logging import get_logger
from tonewatch.shared.runtime import wait_for_stop

LOOK_SECONDS: Final = 1.0
AWAY_SECONDS: Final = 5.0
AT_ONCE: Final = 50
UNKNOWN_MS: Final = 3_600_000
"""So long after a verdict storage may still learn of its alert; then it has deleted it."""
UNAUTHORIZED: Final = 401
UNKNOWN: Final = 404

log = get_logger(__name__)


class VerdictTeller:
    """The loop; `client` speaks with storage."""

    def __init__(self, database: Database, client: AsyncClient) -> None:
        self._database = database
        self._client = client
        self._away = False

    async def tell(self, stop: asyncio.Event) -> None:
        """Tell until stopped."""
        while not stop.is_set():
            pause = LOOK_SECONDS
            try:
                for row in await self._waiting():
                    await self._tell(row)
                self._away = False
            except (HTTPError, UnavailableError) as error:
                pause = AWAY_SECONDS
                if not self._away:
                    log.warning("verdicts wait until storage answers", reason=str(error))
                self._away = True
            await wait_for_stop(stop, pause)

    async def _waiting(self) -> Sequence[AlertRow]:
        query = select(AlertRow).where(AlertRow.verdict_waits).order_by(AlertRow.closed_ms)
        async with self._database.reading() as session:
            return (await session.scalars(query.limit(AT_ONCE))).all()

    async def _tell(self, row: AlertRow) -> None:
        answer = await self._client.put(
            f"/v1/alerts/{row.alert_id}/verdict",
            json={
                "by": row.closed_by,
                "verdict": row.verdict,
                "comment": await self._comment(row.alert_id),
            },
        )
        if answer.status_code == UNKNOWN and now_ms() - (row.closed_ms or 0) < UNKNOWN_MS:
            return
        if answer.is_server_error or answer.status_code == UNAUTHORIZED:  # not the verdict's fault
            raise UnavailableError(f"storage answers {answer.status_code}: {answer.text[:300]}")
        if answer.is_error:
            log.error("storage does not take a verdict", alert_id=row.alert_id, said=answer.text)
        async with self._database.writing() as session:
            await session.execute(
                update(AlertRow)
                # unless it was corrected meanwhile
                .where(AlertRow.alert_id == row.alert_id, AlertRow.closed_ms == row.closed_ms)
                .values(verdict_waits=False)
            )

    async def _comment(self, alert_id: str) -> str:
        query = (
            select(EventRow.detail)
            .where(EventRow.alert_id == alert_id, EventRow.kind == EventKind.CLOSED)
            .order_by(EventRow.id.desc())
            .limit(1)
        )
        async with self._database.reading() as session:
            detail = await session.scalar(query)
        return str((detail or {}).get("comment", ""))
