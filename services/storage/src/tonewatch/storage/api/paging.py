"""Pages that stay right while rows are written: a cursor names the last row seen, not an offset.

Rows that come in meanwhile can neither shift a row onto two pages nor hide one that was there when
the reading began.
"""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Select, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from tonewatch.shared.errors import InvalidInputError

RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True)
class Keyset:
    """What a list is sorted by: a moment, and a unique key among equal moments."""

    moment: InstrumentedAttribute[datetime]
    key: InstrumentedAttribute[Any]

    def page(
        self, query: Select[Any], *, order: str, limit: int, cursor: str | None
    ) -> Select[Any]:
        """The query for one page and one row more, which tells whether another page follows."""
        columns = (self.moment, self.key)
        if cursor is not None:
            after = tuple_(
                *(
                    literal(value, column.type)
                    for value, column in zip(self._decode(cursor, order), columns, strict=True)
                )
            )
            query = query.where(
                tuple_(*columns) > after if order == "asc" else tuple_(*columns) < after
            )
        return query.order_by(
            *(column.asc() if order == "asc" else column.desc() for column in columns)
        ).limit(limit + 1)

    def cursor(self, row: Any, order: str) -> str:
        """Where the page after this row begins."""
        position = [order, getattr(row, self.moment.key).isoformat(), getattr(row, self.key.key)]
        return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")

    def _decode(self, cursor: str, order: str) -> tuple[datetime, Any]:
        try:
            text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            its_order, moment, key = json.loads(text)
            position = datetime.fromisoformat(moment), self.key.type.python_type(key)
        except (binascii.Error, ValueError, TypeError) as error:
            raise InvalidInputError(
                "cursor: pass the `next_cursor` of the page before, unchanged"
            ) from error
        if its_order != order:
            raise InvalidInputError(f"cursor: it belongs to order={its_order}, not {order}")
        return position


def cut(
    rows: Sequence[RowT], limit: int, cursor: Callable[[RowT], str]
) -> tuple[Sequence[RowT], str | None]:
    """A page without its extra row, and the cursor of the next one if there is one."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], cursor(rows[limit - 1])
