"""The query API: records, sessions, timelines, alerts and statistics, as JSON."""

from fastapi import APIRouter

from tonewatch.storage.api import alerts, records, sessions, stats
from tonewatch.storage.database import Database


def build_router(database: Database) -> APIRouter:
    """All routes under /v1, answered from this database."""
    router = APIRouter(prefix="/v1")
    for part in (records, sessions, alerts, stats):
        router.include_router(part.build_router(database))
    return router


__all__ = ["build_router"]
