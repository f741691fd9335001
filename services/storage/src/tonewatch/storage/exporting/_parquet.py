"""Parquet, a row group for each page; needs pyarrow."""

import io
import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import JSON, Boolean, Column, Float, Integer

from tonewatch.storage.columns import UtcDateTime


class ParquetEncoder:
    """Columns typed as in the table; labels as JSON text."""

    def __init__(self, columns: Sequence[Column[Any]]) -> None:
        self._schema = pa.schema([pa.field(c.name, _type(c)) for c in columns])
        self._is_json = [isinstance(column.type, JSON) for column in columns]
        self._sent = _Sent()
        self._writer = pq.ParquetWriter(self._sent, self._schema, compression="zstd")

    def begin(self) -> bytes:
        """The magic number."""
        return self._sent.take()

    def rows(self, rows: Sequence[Sequence[Any]]) -> bytes:
        """A row group."""
        columns = [
            [json.dumps(value, ensure_ascii=False) for value in values] if is_json else values
            for values, is_json in zip(zip(*rows, strict=True), self._is_json, strict=True)
        ]
        arrays = [
            pa.array(values, type=field.type)
            for values, field in zip(columns, self._schema, strict=True)
        ]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        return self._sent.take()

    def end(self) -> bytes:
        """The footer, with which a reader begins."""
        self._writer.close()
        return self._sent.take()


class _Sent(io.RawIOBase):
    """A file that can only grow, and forgets what was taken from it."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._length = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        self._length += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        return self._length

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def _type(column: Column[Any]) -> pa.DataType:
    kinds = (
        (UtcDateTime, pa.timestamp("us", tz="UTC")),
        (Boolean, pa.bool_()),
        (Integer, pa.int64()),
        (Float, pa.float64()),
    )
    return next((kind for of, kind in kinds if isinstance(column.type, of)), pa.string())
