"""One page of a list, and how its query is put so that an index answers it."""

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Select, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from tonewatch.storage.api.conditions import Choice, Condition
from tonewatch.storage.api.filters import Order, PageFilter
from tonewatch.storage.api.paging import Keyset, cut


class Paged(Protocol):
    """Which page is asked for."""

    @property
    def order(self) -> Order:
        """Ascending or descending."""

    @property
    def limit(self) -> int:
        """Items of a page."""

    @property
    def cursor(self) -> str | None:
        """Where it begins."""


def page_query(
    model: Any,
    keyset: Keyset,
    asked: Paged,
    choice: Choice,
    emotions: Sequence[str] = (),
) -> Select[Any]:
    """The query of a page of a model, or (without objects, faster) of its table.

    Several emotions are several queries, merged: for each, an index holds its rows in order, while
    one query for all would have to sort every row of all of them.
    """

    def part(*more: Condition) -> Select[Any]:
        return keyset.page(
            select(model).where(*choice.conditions, *more),
            order=asked.order,
            limit=asked.limit,
            cursor=asked.cursor,
            sort_all=choice.few,
        )

    columns = model.c if hasattr(model, "c") else model
    wanted = sorted(set(emotions))
    if choice.few and wanted:
        return part(columns.emotion.in_(wanted))
    if len(wanted) < 2:  # noqa: PLR2004 - nothing to merge
        return part(*(columns.emotion == emotion for emotion in wanted))
    parts = [select(part(columns.emotion == e).subquery()) for e in wanted]
    merged: Any = union_all(*parts).subquery()
    entity = merged if hasattr(model, "c") else aliased(model, merged)
    ordering = keyset.ordering(asked.order, merged.c)
    return select(entity).order_by(*ordering).limit(asked.limit + 1)


async def page_rows(
    session: AsyncSession, query: Select[Any], keyset: Keyset, asked: PageFilter
) -> tuple[Sequence[Any], str | None]:
    """The rows of a page, and the cursor of the next one."""
    found = (await session.scalars(query)).all()
    return cut(found, asked.limit, lambda row: keyset.cursor(row, asked.order))
