"""Pages that stay right while rows are written: a cursor names the last row seen, not an offset.

Rows that come in meanwhile can neither shift a row onto two pages nor hide one that was there when
the reading began.
"""

import base64
import binascii
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Select, func, literal, tuple_

from tonewatch.shared.errors import InvalidInputError
from tonewatch.storage.columns import UtcDateTime

RowT = TypeVar("RowT")

_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Keyset:
    """What a list is sorted by: columns that are never NULL and together unique."""

    name: str
    columns: tuple[Any, ...]

    def page(
        self,
        query: Select[Any],
        *,
        order: str,
        limit: int,
        cursor: str | None,
        sort_all: bool = False,
    ) -> Select[Any]:
        """The query for one page and one row more, which tells whether another page follows.

        With `sort_all` the rows are few: they are to be sorted, not found by walking an index that
        has all rows of the table in this order (which a planner takes for cheap, on its average).

        Raises:
            InvalidInputError: the cursor is of another list, or was changed.
        """
        if cursor is not None:
            values = self._decode(cursor, order)
            after = tuple_(*(literal(v, c.type) for v, c in zip(values, self.columns, strict=True)))
            here = tuple_(*self.columns)
            query = query.where(here > after if order == "asc" else here < after)
        if sort_all:
            # no index holds this expression
            first = func.coalesce(self.columns[0], self.columns[0])
            query = query.order_by(first.asc() if order == "asc" else first.desc())
        return query.order_by(*self.ordering(order)).limit(limit + 1)

    def ordering(self, order: str, of: Any = None) -> list[Any]:
        """The ORDER BY of the list, or of these columns of a subquery."""
        columns = [c if of is None else getattr(of, c.key) for c in self.columns]
        return [c.asc() if order == "asc" else c.desc() for c in columns]

    def cursor(self, row: Any, order: str) -> str:
        """Where the page after this row begins."""
        values = [getattr(row, column.key) for column in self.columns]
        told = [v.isoformat() if isinstance(v, datetime) else v for v in values]
        text = json.dumps([self.name, order, *told], ensure_ascii=False)
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def _decode(self, cursor: str, order: str) -> list[Any]:
        try:
            text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            its_name, its_order, *told = json.loads(text)
            values = [
                _moment(value)
                if isinstance(column.type, UtcDateTime)
                else _value(value, column.type.python_type)
                for value, column in zip(told, self.columns, strict=True)
            ]
        except (binascii.Error, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise InvalidInputError(
                "cursor: pass the `next_cursor` of the page before, unchanged"
            ) from error
        if (its_name, its_order) != (self.name, order):
            raise InvalidInputError(
                f"cursor: it belongs to sort={its_name} order={its_order}, "
                f"not sort={self.name} order={order}"
            )
        return values


def _moment(told: Any) -> datetime:
    return datetime.fromisoformat(told).astimezone(UTC)


def _value(told: Any, kind: type) -> Any:
    """A value of a cursor; ValueError or TypeError if it can be none of this column."""
    if isinstance(told, bool) or not isinstance(told, (int, float) if kind is float else kind):
        raise TypeError(kind.__name__)
    if isinstance(told, str) and "\0" in told:
        raise ValueError("NUL")
    if isinstance(told, (int, float)) and (not math.isfinite(told) or abs(told) > _LARGEST):
        raise ValueError("out of range")
    return told


def cut(
    rows: Sequence[RowT], limit: int, cursor: Callable[[RowT], str]
) -> tuple[Sequence[RowT], str | None]:
    """A page without its extra row, and the cursor of the next one if there is one."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], cursor(rows[limit - 1])
