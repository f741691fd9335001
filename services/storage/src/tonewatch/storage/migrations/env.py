"""Alembic's entry: runs on the connection that `tonewatch.shared.database.migrate` hands over."""

from tonewatch.shared.database import run_migrations
from tonewatch.storage.migrations.names import VERSION_TABLE
from tonewatch.storage.models import Base

run_migrations(Base.metadata, VERSION_TABLE)
