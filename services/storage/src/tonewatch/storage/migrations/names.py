"""The name under which Alembic keeps the schema's revision."""

from typing import Final

VERSION_TABLE: Final = "storage_schema_version"
"""A name of its own: several services may share one PostgreSQL database."""
