"""GET /v1/export/records, /segments and /alerts: everything that a filter picks, as a file."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.storage.api import alerts, records
from tonewatch.storage.api.conditions import (
    Choice,
    choose_alerts,
    choose_records,
    choose_segments,
)
from tonewatch.storage.api.filters import AlertChoice, Order, RecordChoice, SegmentChoice
from tonewatch.storage.api.listing import page_query
from tonewatch.storage.api.paging import Keyset
from tonewatch.storage.database import Database
from tonewatch.storage.exporting import MEDIA_TYPES, Encoder, Format, encoder_for
from tonewatch.storage.models import Alert, EmotionRecord, Segment

PAGE_ROWS: Final = 5000


class _Options(BaseModel):
    format: Format = Field(default=Format.CSV, description="Parquet needs the extra `parquet`")
    order: Order = Field(default="asc", description="By time")
    bom: bool = Field(
        default=False, description="CSV with the mark by which spreadsheets know UTF-8"
    )


class RecordExport(RecordChoice, _Options):
    """Parameters of /v1/export/records."""


class SegmentExport(SegmentChoice, _Options):
    """Parameters of /v1/export/segments."""


class AlertExport(AlertChoice, _Options):
    """Parameters of /v1/export/alerts."""


@dataclass(frozen=True, slots=True)
class _Exported:
    """What is exported: a table in an order, and which rows of it."""

    table: Table
    keyset: Keyset
    choose: Callable[[AsyncSession], Awaitable[Choice]]
    emotions: Sequence[str] = ()


@dataclass(slots=True)
class _Place:
    """Which page comes next."""

    order: Order
    limit: int
    cursor: str | None = None


def build_router(database: Database) -> APIRouter:
    """The routes over this database."""
    router = APIRouter(prefix="/export", tags=["export"], default_response_class=StreamingResponse)

    @router.get("/records")
    async def export_records(asked: Annotated[RecordExport, Query()]) -> StreamingResponse:
        """Seconds and utterances, with the columns of the table `emotion_records`."""
        exported = _Exported(
            _table(EmotionRecord),
            records.RECORDS,
            lambda session: choose_records(session, asked),
            asked.emotion,
        )
        return await _respond(database, exported, asked)

    @router.get("/segments")
    async def export_segments(asked: Annotated[SegmentExport, Query()]) -> StreamingResponse:
        """Runs of one emotion, with the columns of the table `segments`."""
        exported = _Exported(
            _table(Segment),
            records.SEGMENTS["time"],
            lambda session: choose_segments(session, asked),
            asked.emotion,
        )
        return await _respond(database, exported, asked)

    @router.get("/alerts")
    async def export_alerts(asked: Annotated[AlertExport, Query()]) -> StreamingResponse:
        """Alerts, with the columns of the table `alerts`."""

        async def choose(_session: AsyncSession) -> Choice:
            return choose_alerts(asked)

        exported = _Exported(_table(Alert), alerts.KEYSETS["time"], choose)
        return await _respond(database, exported, asked)

    return router


async def _respond(database: Database, exported: _Exported, asked: _Options) -> StreamingResponse:
    encoder = encoder_for(asked.format, list(exported.table.columns), bom=asked.bom)
    place = _Place(asked.order, PAGE_ROWS)
    # read before the answer begins: what fails here is still an answer with a reason
    first = await _page(database, exported, place)
    return StreamingResponse(
        _body(database, exported, encoder, place, first),
        media_type=MEDIA_TYPES[asked.format],
        headers={
            "Content-Disposition": f'attachment; filename="{exported.table.name}.{asked.format}"'
        },
    )


async def _body(
    database: Database, exported: _Exported, encoder: Encoder, place: _Place, rows: Sequence[Any]
) -> AsyncIterator[bytes]:
    yield encoder.begin()
    while rows:
        yield await asyncio.to_thread(encoder.rows, rows)
        rows = await _page(database, exported, place) if place.cursor is not None else ()
    yield await asyncio.to_thread(encoder.end)


async def _page(database: Database, exported: _Exported, place: _Place) -> Sequence[Any]:
    """The rows of the next page; each page is a transaction of its own, so none lasts long."""
    async with database.read() as session:
        choice = await exported.choose(session)
        query = page_query(exported.table, exported.keyset, place, choice, exported.emotions)
        rows: Sequence[Any] = (await session.execute(query)).all()
    more = len(rows) > place.limit
    rows = rows[: place.limit]
    place.cursor = exported.keyset.cursor(rows[-1], place.order) if more else None
    return rows


def _table(model: Any) -> Table:
    table: Table = model.__table__
    return table
