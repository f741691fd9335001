"""Alembic's entry: runs on the connection that `tonewatch.shared.database.migrate` hands over."""

from tonewatch.console.auth.tables import VERSION_TABLE, Base
from tonewatch.shared.database import run_migrations

run_migrations(Base.metadata, VERSION_TABLE)
