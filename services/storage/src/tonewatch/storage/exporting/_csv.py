"""CSV as RFC 4180 has it, for spreadsheets that run whatever looks like a formula."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column

from tonewatch.shared.clock import iso_utc

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A cell that begins so may be run by a spreadsheet (OWASP, "CSV injection")."""
_BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"


class CsvEncoder:
    """A header of column names, then a line for each row; times in UTC, labels as JSON."""

    def __init__(self, columns: Sequence[Column[Any]], *, bom: bool) -> None:
        self._names = [column.name for column in columns]
        self._bom = bom  # by it, spreadsheets know UTF-8, which Chinese needs

    def begin(self) -> bytes:
        """The header."""
        return ((_BOM if self._bom else "") + _lines([self._names])).encode()

    def rows(self, rows: Sequence[Sequence[Any]]) -> bytes:
        """Lines."""
        return _lines([[_cell(value) for value in row] for row in rows]).encode()

    def end(self) -> bytes:
        """Nothing."""
        return b""


def _lines(rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """The value as a cell; text that a spreadsheet would run gets an apostrophe before it."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, datetime):
        return iso_utc(value)
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return value
