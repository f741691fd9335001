"""Alembic's entry: runs on the connection that `tonewatch.shared.database.migrate` hands over."""

from alembic import context
from sqlalchemy import text

from tonewatch.alerting.delivery.tables import VERSION_TABLE, Base

connection = context.config.attributes["connection"]
if connection.dialect.name == "postgresql":  # replicas that start together take turns
    connection.execute(
        text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": VERSION_TABLE}
    )
context.configure(connection=connection, target_metadata=Base.metadata, version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
