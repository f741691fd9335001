"""GET /v1/alerts and /v1/alerts/{alert_id}; PUT /v1/alerts/{alert_id}/verdict."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from tonewatch.shared.acting import DOER
from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import NotFoundError
from tonewatch.storage.api.conditions import choose_alerts
from tonewatch.storage.api.filters import AlertFilter, Verdict
from tonewatch.storage.api.listing import page_query, page_rows
from tonewatch.storage.api.paging import Keyset
from tonewatch.storage.api.parameters import Key, Text
from tonewatch.storage.api.views import (
    AlertDetail,
    AlertView,
    ClipView,
    Page,
    TransitionView,
    view_of,
)
from tonewatch.storage.database import Database
from tonewatch.storage.models import Alert, AlertTransition, AuditEntry, EvidenceClip
from tonewatch.storage.rollups import count_verdict

KEYSETS: Final = {
    "time": Keyset("time", (Alert.started_at, Alert.alert_id)),
    "value": Keyset("value", (Alert.value, Alert.alert_id)),
}


class VerdictBody(BaseModel):
    """What a person made of an alert."""

    model_config = ConfigDict(extra="forbid")

    by: Annotated[Text, Field(min_length=1)] = DOER
    verdict: Verdict | None = Field(description="Null takes an earlier verdict back")
    comment: str = Field(default="", max_length=4096, pattern=r"^[^\x00]*$")


def build_router(database: Database) -> APIRouter:
    """The routes over this database."""
    router = APIRouter(tags=["alerts"])

    @router.get("/alerts")
    async def list_alerts(asked: Annotated[AlertFilter, Query()]) -> Page[AlertView]:
        """Alerts by the time at which their condition began to hold (newest first) or by value."""
        keyset = KEYSETS[asked.sort]
        query = page_query(Alert, keyset, asked, choose_alerts(asked))
        async with database.read() as session:
            rows, following = await page_rows(session, query, keyset, asked)
        items = [view_of(AlertView, row) for row in rows]
        return Page[AlertView](items=items, next_cursor=following)

    @router.get("/alerts/{alert_id}")
    async def show_alert(alert_id: Key) -> AlertDetail:
        """One alert with its transitions."""
        async with database.read() as session:
            return await _detail(session, alert_id)

    @router.put("/alerts/{alert_id}/verdict")
    async def judge_alert(alert_id: Key, body: VerdictBody) -> AlertDetail:
        """Say whether an alert was right; the newest verdict counts, all are in the audit log."""
        async with database.write() as connection:
            await _judge(connection, alert_id, body)
        async with database.read() as session:
            return await _detail(session, alert_id)

    return router


async def require_alert(session: AsyncSession, alert_id: str) -> Alert:
    """The alert's row.

    Raises:
        NotFoundError: there is none.
    """
    found = await session.get(Alert, alert_id)
    if found is None:
        raise NotFoundError(f"there is no alert {alert_id}")
    return found


async def _detail(session: AsyncSession, alert_id: str) -> AlertDetail:
    alert = await require_alert(session, alert_id)
    transitions = await session.scalars(
        select(AlertTransition)
        .where(AlertTransition.alert_id == alert_id)
        .order_by(AlertTransition.at, AlertTransition.id)
    )
    history = [view_of(TransitionView, row) for row in transitions]
    clip = await session.get(EvidenceClip, alert_id)
    return view_of(AlertDetail, alert, transitions=history, clip=clip and view_of(ClipView, clip))


async def _judge(connection: AsyncConnection, alert_id: str, body: VerdictBody) -> None:
    session = AsyncSession(bind=connection, expire_on_commit=False)
    alert = await session.scalar(select(Alert).where(Alert.alert_id == alert_id).with_for_update())
    if alert is None:
        raise NotFoundError(f"there is no alert {alert_id}")
    await count_verdict(connection, alert, body.verdict)
    now = utc_now()
    judged = body.verdict is not None
    await connection.execute(
        update(Alert)
        .where(Alert.alert_id == alert_id)
        .values(
            verdict=body.verdict,
            verdict_by=body.by if judged else None,
            verdict_at=now if judged else None,
            verdict_comment=(body.comment or None) if judged else None,
        )
    )
    await connection.execute(
        insert(AuditEntry).values(
            at=now,
            actor=body.by,
            action="alert.verdict",
            subject=alert_id,
            detail={"verdict": body.verdict, "before": alert.verdict},
        )
    )
