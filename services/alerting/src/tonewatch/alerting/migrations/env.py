"""Alembic's entry: runs on the connection that `tonewatch.shared.database.migrate` hands over."""

from tonewatch.alerting.delivery.tables import VERSION_TABLE, Base
from tonewatch.alerting.notices import tables  # noqa: F401 - they enter the metadata
from tonewatch.alerting.rules.stored import _tables  # noqa: F401 - as above
from tonewatch.shared.database import run_migrations

run_migrations(Base.metadata, VERSION_TABLE)
