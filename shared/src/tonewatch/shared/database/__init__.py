"""Databases: engines, schemas and transactions, the same in every service.

SQLite (default) runs in WAL mode, so that readers never wait for the writer; PostgreSQL goes
through asyncpg. Needs the `database` extra.
"""

from tonewatch.shared.database._database import Database
from tonewatch.shared.database._engines import (
    BUSY_TIMEOUT_MS,
    close_engine,
    create_engine,
    sqlite_url,
    url_or_file,
    writing,
)
from tonewatch.shared.database._migrations import migrate, run_migrations
from tonewatch.shared.database._transactions import failing_as_unavailable, transaction

__all__ = [
    "BUSY_TIMEOUT_MS",
    "Database",
    "close_engine",
    "create_engine",
    "failing_as_unavailable",
    "migrate",
    "run_migrations",
    "sqlite_url",
    "transaction",
    "url_or_file",
    "writing",
]
