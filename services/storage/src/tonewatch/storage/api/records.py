"""GET /v1/records, /v1/segments and /v1/utterances: what was heard, finest to coarsest."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from tonewatch.storage.api.conditions import (
    choose_records,
    choose_segments,
    choose_utterances,
)
from tonewatch.storage.api.filters import RecordFilter, SegmentListFilter, UtteranceFilter
from tonewatch.storage.api.listing import page_query, page_rows
from tonewatch.storage.api.paging import Keyset
from tonewatch.storage.api.views import (
    Page,
    RecordView,
    RunView,
    UtteranceView,
    as_json,
    probabilities,
    run_view,
    view_of,
)
from tonewatch.storage.database import Database
from tonewatch.storage.models import EmotionRecord, Segment, Utterance

_SEGMENT: Final = (Segment.session_id, Segment.speaker, Segment.first_seq)
_UTTERANCE: Final = (Utterance.session_id, Utterance.speaker, Utterance.number)
RECORDS: Final = Keyset("time", (EmotionRecord.timestamp, EmotionRecord.id))
SEGMENTS: Final = {
    "time": Keyset("time", (Segment.started_at, *_SEGMENT)),
    "peak": Keyset("peak", (Segment.peak, *_SEGMENT)),
}
UTTERANCES: Final = {
    "time": Keyset("time", (Utterance.started_at, *_UTTERANCE)),
    "confidence": Keyset("confidence", (Utterance.confidence, *_UTTERANCE)),
}


def build_router(database: Database) -> APIRouter:
    """The routes over this database."""
    router = APIRouter(tags=["records"])

    @router.get("/records", response_model=Page[RecordView])
    async def list_records(asked: Annotated[RecordFilter, Query()]) -> Response:
        """Stored seconds (and utterances), newest first."""
        async with database.read() as session:
            choice = await choose_records(session, asked)
            query = page_query(EmotionRecord, RECORDS, asked, choice, asked.emotion)
            rows, following = await page_rows(session, query, RECORDS, asked)
        items = [view_of(RecordView, row, probabilities=probabilities(row)) for row in rows]
        return as_json(Page[RecordView](items=items, next_cursor=following))

    @router.get("/segments", response_model=Page[RunView])
    async def list_segments(asked: Annotated[SegmentListFilter, Query()]) -> Response:
        """Runs of seconds with one emotion, of all sessions, newest or most confident first."""
        keyset = SEGMENTS[asked.sort]
        async with database.read() as session:
            choice = await choose_segments(session, asked)
            query = page_query(Segment, keyset, asked, choice, asked.emotion)
            rows, following = await page_rows(session, query, keyset, asked)
        items = [run_view(row) for row in rows]
        return as_json(Page[RunView](items=items, next_cursor=following))

    @router.get("/utterances", response_model=Page[UtteranceView])
    async def list_utterances(asked: Annotated[UtteranceFilter, Query()]) -> Response:
        """Stretches of speech between pauses, newest or most confident first."""
        keyset = UTTERANCES[asked.sort]
        async with database.read() as session:
            choice = await choose_utterances(session, asked)
            query = page_query(Utterance, keyset, asked, choice, asked.emotion)
            rows, following = await page_rows(session, query, keyset, asked)
        items = [view_of(UtteranceView, row, probabilities=probabilities(row)) for row in rows]
        return as_json(Page[UtteranceView](items=items, next_cursor=following))

    return router
