"""Revision 0003: the texts that people search, kept by triggers beside the rows they belong to.

Trigrams, because Chinese has no spaces to split words at: FTS5's trigram tokenizer on SQLite,
pg_trgm on PostgreSQL where it may be installed (without it, searches are slower, not poorer).
Whatever writes or removes a session, a source or an alert, its texts follow.
"""

from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa
from alembic import op

_INTEGER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TEXTS: Final = (
    ("sessions", "session_id", "name"),
    ("sources", "source_id", "name"),
    ("alerts", "alert_id", "message"),
    ("alerts", "alert_id", "verdict_comment"),
)
"""(table, key, column) of each text."""


def create() -> None:
    """Make the table of texts, fill it, and keep it up to date from now on."""
    op.create_table(
        "search_texts",
        sa.Column("id", _INTEGER, sa.Identity(), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("field", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_search_texts"),
        sa.UniqueConstraint("kind", "field", "key", name="uq_search_texts_kind_field_key"),
    )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _sqlite() if is_sqlite else _postgresql():
        op.get_bind().exec_driver_sql(statement)
    for table, key, column in _TEXTS:
        op.execute(
            "INSERT INTO search_texts (kind, field, key, text) "  # noqa: S608 - our own names
            f"SELECT '{table}', '{column}', {key}, {column} FROM {table} "
            f"WHERE {column} IS NOT NULL AND {column} <> ''"
        )


def _sqlite() -> Iterator[str]:
    yield (
        "CREATE VIRTUAL TABLE search_index USING fts5("
        "text, content='search_texts', content_rowid='id', tokenize='trigram')"
    )
    add = "INSERT INTO search_index (rowid, text) VALUES (new.id, new.text);"
    remove = (
        "INSERT INTO search_index (search_index, rowid, text) VALUES ('delete', old.id, old.text);"
    )
    yield f"CREATE TRIGGER search_texts_insert AFTER INSERT ON search_texts BEGIN {add} END"
    yield f"CREATE TRIGGER search_texts_delete AFTER DELETE ON search_texts BEGIN {remove} END"
    for table, key, column in _TEXTS:
        name = f"search_{table}_{column}"
        forget = (
            f"DELETE FROM search_texts WHERE kind = '{table}' AND field = '{column}' "  # noqa: S608
            f"AND key = old.{key};"
        )
        keep = (
            "INSERT INTO search_texts (kind, field, key, text) "
            f"SELECT '{table}', '{column}', new.{key}, new.{column} "
            f"WHERE new.{column} IS NOT NULL AND new.{column} <> '';"
        )
        yield f"CREATE TRIGGER {name}_insert AFTER INSERT ON {table} BEGIN {keep} END"
        yield f"CREATE TRIGGER {name}_delete AFTER DELETE ON {table} BEGIN {forget} END"
        yield (
            f"CREATE TRIGGER {name}_update AFTER UPDATE OF {column} ON {table} "
            f"WHEN old.{column} IS NOT new.{column} BEGIN {forget} {keep} END"
        )


def _postgresql() -> Iterator[str]:
    # the extension is part of PostgreSQL, but an operator may not have installed it, or not let us
    yield (
        "DO $$ BEGIN CREATE EXTENSION IF NOT EXISTS pg_trgm; "
        "CREATE INDEX search_texts_trigrams ON search_texts USING gin (text gin_trgm_ops); "
        "EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'search without pg_trgm: %', SQLERRM; END $$"
    )
    for table, key, column in _TEXTS:
        name = f"search_{table}_{column}"
        yield f"""
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM search_texts WHERE kind = '{table}' AND field = '{column}' AND key = OLD.{key};
  END IF;
  IF TG_OP <> 'DELETE' AND NEW.{column} <> '' THEN
    INSERT INTO search_texts (kind, field, key, text)
    VALUES ('{table}', '{column}', NEW.{key}, NEW.{column});
  END IF;
  RETURN NULL;
END $$"""  # noqa: S608 - our own names
        yield (
            f"CREATE TRIGGER {name} AFTER INSERT OR DELETE OR UPDATE OF {column} ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {name}()"
        )
