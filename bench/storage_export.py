"""What the memory of the service grows by while it exports a million seconds.

Each format in its turn, and the first once more, over HTTP, read as fast as it comes. Counted is
memory of the process's own (`RssAnon`), above what it held after a short export of the same format:
pages of an SQLite file that it has mapped are the system's to take back.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from support.archive import BLOCK_SECONDS, BLOCKS_A_DAY, TRACKS
from tonewatch.shared.http import AsyncClient

ROWS: Final = 1_000_000
ROWS_A_DAY: Final = TRACKS * BLOCK_SECONDS * BLOCKS_A_DAY
FORMATS: Final = ("csv", "jsonl", "parquet")
AGAIN: Final = f"{FORMATS[0]} again"


@dataclass(frozen=True)
class Exported:
    """One file."""

    rows: int
    seconds: float
    grown_mb: float


Exports = dict[str, Exported]
"""By format."""


async def exports(client: AsyncClient, pid: int, last_day: datetime, rows: int) -> Exports:
    """Export at least so many rows, the newest whole days, in every format."""
    days = -(-rows // ROWS_A_DAY)
    begin = last_day - timedelta(days=days)
    found = {}
    for each in (*FORMATS, AGAIN):
        chosen = each.partition(" ")[0]
        await _export(client, pid, chosen, last_day - timedelta(hours=14), last_day)
        before = _own_mb(pid)
        seconds, most = await _export(client, pid, chosen, begin, last_day)
        found[each] = Exported(days * ROWS_A_DAY, seconds, max(0.0, most - before))
    return found


async def _export(
    client: AsyncClient, pid: int, chosen: str, begin: datetime, end: datetime
) -> tuple[float, float]:
    """How long it took, and the most memory meanwhile, in megabytes."""
    query = {"format": chosen, "from": f"{begin:%Y-%m-%dT%H:%M:%SZ}"}
    query["to"] = f"{end:%Y-%m-%dT%H:%M:%SZ}"
    started, most, looked_at = time.perf_counter(), 0.0, 0.0
    async with client.stream("GET", "/v1/export/records", params=query, timeout=None) as answer:
        answer.raise_for_status()
        async for _ in answer.aiter_raw():
            if time.perf_counter() - looked_at > 0.05:
                looked_at = time.perf_counter()
                most = max(most, _own_mb(pid))
    return time.perf_counter() - started, most


def _own_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    return 0.0


def lines(found: Exports) -> Iterator[tuple[str, str]]:
    """The table."""
    for name, file in found.items():
        speed = f"{file.rows:,} rows in {file.seconds:.0f} s"
        yield f"export as {name}", f"{speed}; memory grew by {file.grown_mb:.0f} MB"


def figures(found: Exports) -> dict[str, float]:
    """The figure that the documentation quotes: of the format that takes most."""
    return {"export_mb": max(file.grown_mb for file in found.values())} if found else {}
