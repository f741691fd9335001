"""How Alembic runs our migrations: on the connection it is given, inside its transaction."""

from alembic import context
from sqlalchemy import Connection, text

from tonewatch.storage.migrations.names import VERSION_TABLE
from tonewatch.storage.models import Base

_LOCK = {"name": VERSION_TABLE}


def run() -> None:
    """Bring the connection's database to the revision asked for."""
    connection = context.config.attributes.get("connection")
    if not isinstance(connection, Connection):
        raise TypeError("migrations run through tonewatch.shared.database.migrate")
    if connection.dialect.name == "postgresql":
        # Replicas that start together take turns; SQLite's write lock has seen to that already.
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), _LOCK)
    context.configure(
        connection=connection, target_metadata=Base.metadata, version_table=VERSION_TABLE
    )
    with context.begin_transaction():
        context.run_migrations()


run()
