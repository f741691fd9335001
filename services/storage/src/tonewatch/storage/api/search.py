"""GET /v1/search: names of sessions and sources, messages of alerts, comments of verdicts.

Every word must occur in the text, anywhere in it: Chinese has no spaces to split words at. Words of
three characters and more are found by trigrams; shorter ones by looking through the texts, which
are few beside the seconds.
"""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy import Column, ColumnElement, MetaData, String, Table, Text, column, select, table
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.storage.api.filters import Order
from tonewatch.storage.api.paging import Keyset, cut
from tonewatch.storage.api.parameters import Text as Words
from tonewatch.storage.api.views import Page, View
from tonewatch.storage.columns import BigKey
from tonewatch.storage.database import Database

TEXTS: Final = Table(
    "search_texts",
    MetaData(),  # apart from the models: triggers fill it, nothing else may
    Column("id", BigKey, primary_key=True),
    Column("kind", String(16)),
    Column("field", String(32)),
    Column("key", String(128)),
    Column("text", Text),
)
_INDEX: Final = table("search_index", column("rowid"), column("text"))
_TRIGRAM: Final = 3
_KEYSET: Final = Keyset("time", (TEXTS.c.id,))
_KINDS: Final = {"session": "sessions", "source": "sources", "alert": "alerts"}


class SearchFilter(BaseModel):
    """Parameters of /v1/search."""

    model_config = ConfigDict(extra="forbid")

    q: Words = Field(min_length=1, description="Words that must all occur")
    kind: list[Literal["session", "source", "alert"]] = Field(
        default_factory=list, max_length=3, description="Repeat for several; all if none is named"
    )
    order: Order = Field(default="desc", description="desc: newest first")
    limit: int = Field(default=50, ge=1, le=200, description="Items of a page")
    cursor: str | None = Field(default=None, max_length=512)

    @field_validator("q")
    @classmethod
    def _has_words(cls, q: str) -> str:
        if not 1 <= len(q.split()) <= 8:  # noqa: PLR2004 - said in the message
            raise ValueError("q holds one to eight words")
        return q


class Found(View):
    """A text that holds the words."""

    kind: Literal["session", "source", "alert"]
    id: str = Field(description="Its session_id, source_id or alert_id")
    field: str = Field(description="name, message or verdict_comment")
    text: str


def build_router(database: Database) -> APIRouter:
    """The route over this database."""
    router = APIRouter(tags=["search"])

    @router.get("/search")
    async def search(asked: Annotated[SearchFilter, Query()]) -> Page[Found]:
        """Sessions, sources and alerts by what their names, messages and comments say."""
        async with database.read() as session:
            query = select(TEXTS).where(*_conditions(session, asked))
            page = _KEYSET.page(query, order=asked.order, limit=asked.limit, cursor=asked.cursor)
            found = (await session.execute(page)).all()
        rows, following = cut(found, asked.limit, lambda row: _KEYSET.cursor(row, asked.order))
        names = {table: kind for kind, table in _KINDS.items()}
        items = [
            Found.model_validate(
                {"kind": names[row.kind], "id": row.key, "field": row.field, "text": row.text}
            )
            for row in rows
        ]
        return Page[Found](items=items, next_cursor=following)

    return router


def _conditions(session: AsyncSession, asked: SearchFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    words = asked.q.split()
    if session.get_bind().dialect.name == "sqlite":
        phrases = ['"' + w.replace('"', '""') + '"' for w in words if len(w) >= _TRIGRAM]
        if phrases:
            inside = select(_INDEX.c.rowid).where(_INDEX.c.text.match(" AND ".join(phrases)))
            found.append(TEXTS.c.id.in_(inside))
        words = [word for word in words if len(word) < _TRIGRAM]
    found += [TEXTS.c.text.icontains(word, autoescape=True) for word in words]
    if asked.kind:
        found.append(TEXTS.c.kind.in_([_KINDS[kind] for kind in asked.kind]))
    return found
