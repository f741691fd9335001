"""Lets Alembic run inside the service, on the connection that `database.migrate` opened."""

from alembic import context

from tonewatch.ingest.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
