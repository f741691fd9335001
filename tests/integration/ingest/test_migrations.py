"""A registry of an earlier version goes on with everything that was in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.support.postgres import USER, postgres_server
from tonewatch.ingest.service import MIGRATIONS
from tonewatch.ingest.sessions import Ledger
from tonewatch.ingest.sources import Layout, SourceRepository, Voices
from tonewatch.ingest.uploads import UploadStore
from tonewatch.shared.database import close_engine, create_engine, migrate
from tonewatch.shared.messages import Speaker

SOURCE = """INSERT INTO sources (id, name, kind, url, labels, origin, created_at) VALUES
    ('s1', 'radio', 'pull', 'https://radio.example.com/live', '{"queue": "vip"}', 'api',
     '2026-01-04T00:00:00+00:00')"""
SESSION = """INSERT INTO open_sessions
    (session_id, source_id, name, kind, lane, labels, started_at, frames, seen_at) VALUES
    ('c1', 's1', 'radio', 'pull', 'live', '{}', '2026-01-04T00:00:00+00:00', 7,
     '2026-01-04T00:00:07+00:00')"""
UPLOAD = """INSERT INTO uploads
    (session_id, name, state, frames, duration_seconds, created_at) VALUES
    ('u1', 'call.wav', 'failed', 7, 7.5, '2026-01-04T00:00:00+00:00')"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'ingest.db'}"
        return
    with postgres_server() as folder:
        yield f"postgresql+asyncpg://{USER}@/postgres?host={folder}"


async def test_what_the_first_version_kept_reads_as_what_it_meant(url: str) -> None:
    engine = create_engine(url)
    try:
        await migrate(engine, MIGRATIONS, "0001")
        async with engine.begin() as connection:
            await connection.execute(text(SOURCE))
            await connection.execute(text(SESSION))
            await connection.execute(text(UPLOAD))
        await migrate(engine, MIGRATIONS)
        (source,) = await SourceRepository(engine).all()
        (session,) = await Ledger(engine).all()
        (upload,) = await UploadStore(engine).latest(10)
    finally:
        await close_engine(engine)
    assert source.voices == Voices(Layout.MIXED)
    assert source.permitted_labels == ()
    assert source.labels == {"queue": "vip"}
    assert (upload.duration_seconds, upload.stated_seconds, upload.progress) == (7.5, None, None)
    assert (session.frames, session.info.speakers) == (7, (Speaker.MIXED,))
