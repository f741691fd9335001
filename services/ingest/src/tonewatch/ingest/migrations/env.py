"""Alembic's entry: runs on the connection that `tonewatch.shared.database.migrate` hands over."""

from tonewatch.ingest.tables import VERSION_TABLE, metadata
from tonewatch.shared.database import run_migrations

run_migrations(metadata, VERSION_TABLE)
