"""GET /v1/alerts and /v1/alerts/{alert_id}."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import select

from tonewatch.shared.errors import NotFoundError
from tonewatch.storage.api.filters import AlertFilter, alert_conditions
from tonewatch.storage.api.paging import Keyset, cut
from tonewatch.storage.api.views import (
    AlertDetail,
    AlertView,
    Page,
    TransitionView,
    view_of,
)
from tonewatch.storage.database import Database
from tonewatch.storage.models import Alert, AlertTransition

KEYSET = Keyset(Alert.started_at, Alert.alert_id)


def build_router(database: Database) -> APIRouter:
    """The routes over this database."""
    router = APIRouter(tags=["alerts"])

    @router.get("/alerts")
    async def list_alerts(asked: Annotated[AlertFilter, Query()]) -> Page[AlertView]:
        """Alerts by the time at which their condition began to hold, newest first."""
        query = KEYSET.page(
            select(Alert).where(*alert_conditions(asked)),
            order=asked.order,
            limit=asked.limit,
            cursor=asked.cursor,
        )
        async with database.read() as session:
            found = (await session.scalars(query)).all()
        rows, following = cut(found, asked.limit, lambda row: KEYSET.cursor(row, asked.order))
        return Page[AlertView](
            items=[view_of(AlertView, row) for row in rows], next_cursor=following
        )

    @router.get("/alerts/{alert_id}")
    async def show_alert(alert_id: str) -> AlertDetail:
        """One alert with its transitions."""
        async with database.read() as session:
            alert = await session.get(Alert, alert_id)
            transitions = await session.scalars(
                select(AlertTransition)
                .where(AlertTransition.alert_id == alert_id)
                .order_by(AlertTransition.at, AlertTransition.id)
            )
            history = [view_of(TransitionView, row) for row in transitions]
        if alert is None:
            raise NotFoundError(f"there is no alert {alert_id}")
        return view_of(AlertDetail, alert, transitions=history)

    return router
