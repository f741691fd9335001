"""GET /v1/stats/emotions."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import func, select

from tonewatch.storage.api.filters import StatsFilter, record_conditions
from tonewatch.storage.api.views import EmotionShare, EmotionStats
from tonewatch.storage.database import Database
from tonewatch.storage.models import EmotionRecord


def build_router(database: Database) -> APIRouter:
    """The route over this database."""
    router = APIRouter(tags=["statistics"])

    @router.get("/stats/emotions")
    async def emotions(asked: Annotated[StatsFilter, Query()]) -> EmotionStats:
        """How many seconds each emotion was the strongest in."""
        count = func.count().label("seconds")
        query = (
            select(EmotionRecord.emotion, count, func.avg(EmotionRecord.confidence))
            .where(*record_conditions(asked))
            .group_by(EmotionRecord.emotion)
            .order_by(count.desc(), EmotionRecord.emotion)
        )
        async with database.read() as session:
            rows = (await session.execute(query)).all()
        total = sum(seconds for _, seconds, _ in rows)
        items = [
            EmotionShare(
                emotion=emotion, count=seconds, share=seconds / total, mean_confidence=confidence
            )
            for emotion, seconds, confidence in rows
        ]
        return EmotionStats(items=items, total=total)

    return router
