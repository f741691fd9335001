"""JSON lines: an object for each row."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column

from tonewatch.shared.clock import iso_utc


class JsonLinesEncoder:
    """Objects whose members are the columns; times in UTC."""

    def __init__(self, columns: Sequence[Column[Any]]) -> None:
        self._names = [column.name for column in columns]
        self._encode = json.JSONEncoder(ensure_ascii=False, default=_other).encode

    def begin(self) -> bytes:
        """Nothing."""
        return b""

    def rows(self, rows: Sequence[Sequence[Any]]) -> bytes:
        """Lines."""
        lines = (self._encode(dict(zip(self._names, row, strict=True))) for row in rows)
        return "".join(f"{line}\n" for line in lines).encode()

    def end(self) -> bytes:
        """Nothing."""
        return b""


def _other(value: Any) -> str:
    if isinstance(value, datetime):
        return iso_utc(value)
    raise TypeError(type(value).__name__)
