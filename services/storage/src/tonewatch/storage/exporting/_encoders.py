"""The formats, and which encoder writes each."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, Protocol

from sqlalchemy import Column

from tonewatch.shared.errors import TonewatchError
from tonewatch.storage.exporting._csv import CsvEncoder
from tonewatch.storage.exporting._jsonl import JsonLinesEncoder


class Format(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


MEDIA_TYPES: Final = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.JSONL: "application/jsonl; charset=utf-8",
    Format.PARQUET: "application/vnd.apache.parquet",
}


class MissingFormatError(TonewatchError):
    """This format is not installed."""

    status_code = 400


class Encoder(Protocol):
    """Writes one file: `begin`, `rows` for each page, `end`; each gives the bytes to send next."""

    def begin(self) -> bytes:
        """What comes before the first row."""

    def rows(self, rows: Sequence[Sequence[Any]]) -> bytes:
        """A page of rows, values in the order of the columns."""

    def end(self) -> bytes:
        """What comes after the last row."""


def encoder_for(chosen: Format, columns: Sequence[Column[Any]], *, bom: bool = False) -> Encoder:
    """A new encoder.

    Raises:
        MissingFormatError: Parquet is asked for, and pyarrow is not installed.
    """
    if chosen is Format.CSV:
        return CsvEncoder(columns, bom=bom)
    if chosen is Format.JSONL:
        return JsonLinesEncoder(columns)
    try:
        from tonewatch.storage.exporting._parquet import ParquetEncoder  # noqa: PLC0415 - optional
    except ImportError as error:
        raise MissingFormatError(
            "format=parquet needs pyarrow, which is not installed here: install "
            "tonewatch-storage[parquet], or ask for csv or jsonl"
        ) from error
    return ParquetEncoder(columns)
