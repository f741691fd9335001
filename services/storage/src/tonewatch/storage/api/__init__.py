"""The query API: records, sessions, timelines, alerts and statistics, as JSON."""

from pathlib import Path

from fastapi import APIRouter

from tonewatch.storage.api import (
    alerts,
    clips,
    embeddings,
    erasures,
    export,
    listening,
    records,
    retention,
    search,
    sessions,
    similar,
    stats,
)
from tonewatch.storage.database import Database
from tonewatch.storage.embeddings import Similar
from tonewatch.storage.evidence import Clips
from tonewatch.storage.listening import Listeners
from tonewatch.storage.retention import Eraser, RetentionOptions


def build_router(
    database: Database, kept: Clips, alike: Similar, listeners: Listeners, data_dir: Path
) -> APIRouter:
    """All routes under /v1, answered from this database, these clips, embeddings and live calls."""
    router = APIRouter(prefix="/v1")
    for part in (records, sessions, alerts, stats, search, export):
        router.include_router(part.build_router(database))
    router.include_router(clips.build_router(database, kept))
    router.include_router(similar.build_router(database, alike))
    router.include_router(embeddings.build_router(database, data_dir))
    router.include_router(listening.build_router(database, listeners))
    return router


def build_retention_router(
    database: Database, eraser: Eraser, options: RetentionOptions
) -> APIRouter:
    """Erasure, legal holds and retention, also under /v1."""
    router = APIRouter(prefix="/v1")
    router.include_router(erasures.build_router(database, eraser))
    router.include_router(retention.build_router(database, options))
    return router


__all__ = ["build_retention_router", "build_router"]
