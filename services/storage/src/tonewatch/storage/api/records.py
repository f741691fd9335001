"""GET /v1/records."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlalchemy.orm import defer

from tonewatch.storage.api.filters import RecordFilter, record_conditions
from tonewatch.storage.api.paging import Keyset, cut
from tonewatch.storage.api.views import Page, RecordView, probabilities, view_of
from tonewatch.storage.database import Database
from tonewatch.storage.models import EmotionRecord

KEYSET = Keyset(EmotionRecord.timestamp, EmotionRecord.id)


def build_router(database: Database) -> APIRouter:
    """The route over this database."""
    router = APIRouter(tags=["records"])

    @router.get("/records")
    async def list_records(asked: Annotated[RecordFilter, Query()]) -> Page[RecordView]:
        """Stored seconds, newest first."""
        query = KEYSET.page(
            select(EmotionRecord)
            .where(*record_conditions(asked))
            .options(defer(EmotionRecord.steps, raiseload=True)),
            order=asked.order,
            limit=asked.limit,
            cursor=asked.cursor,
        )
        async with database.read() as session:
            found = (await session.scalars(query)).all()
        rows, following = cut(found, asked.limit, lambda row: KEYSET.cursor(row, asked.order))
        items = [view_of(RecordView, row, probabilities=probabilities(row)) for row in rows]
        return Page[RecordView](items=items, next_cursor=following)

    return router
