"""The schema's history, in Alembic revisions; a released revision is never edited."""
