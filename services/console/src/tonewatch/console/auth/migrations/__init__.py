"""Alembic's scripts for the database of the console."""
