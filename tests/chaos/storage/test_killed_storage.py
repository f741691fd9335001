"""Promise 1, its last part: storage killed again and again stores every score, and none twice."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.chaos.storage.load import FOR_EVER, Load, require_all, stored
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker
from tonewatch.storage.database import Database

KILLS = 25
"""On each kind of database."""

# The service's real `main`, in a process that was forked from one with everything imported: fifty
# starts of an interpreter would take most of the test's time.
PARENT = """
import os, sys
from tonewatch.storage.main import main

for _ in sys.stdin:
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.argv = ["tonewatch-storage", "run"]
        main()
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Parent:
    """Starts the service as often as it is asked."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._child: int | None = None

    async def start(self) -> int:
        """The process id of a new service."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"go\n")
        self._child = await self._number()
        return self._child

    async def exit_code(self) -> int:
        """Of the service that was started last; waits for its end."""
        code = await self._number()
        self._child = None
        return code

    async def end(self) -> None:
        """Leave no process behind, whatever happened."""
        if self._child is not None:
            os.kill(self._child, signal.SIGKILL)
        self._process.kill()
        await self._process.wait()

    async def _number(self) -> int:
        assert self._process.stdout is not None
        return int(await asyncio.wait_for(self._process.stdout.readline(), 30))


@asynccontextmanager
async def _parent(redis_url: str, url: str, folder: Path, partitions: int) -> AsyncIterator[Parent]:
    """Small batches, so that a kill is likely to fall into one."""
    settings = {
        "TONEWATCH_REDIS__URL": redis_url,
        "TONEWATCH_PARTITIONS": str(partitions),
        "TONEWATCH_DATA_DIR": str(folder),
        "TONEWATCH_STORAGE__DATABASE_URL": url,
        "TONEWATCH_STORAGE__PORT": "0",
        "TONEWATCH_STORAGE__CLAIM_IDLE_SECONDS": "0.5",
        "TONEWATCH_STORAGE__BATCH_ROWS": "32",
        "TONEWATCH_STORAGE__BATCH_SECONDS": "0",
        "TONEWATCH_STORAGE__ROLLUP_SECONDS": "0.05",
        "TONEWATCH_STORAGE__RETENTION": json.dumps(FOR_EVER),
        "TONEWATCH_LOG__LEVEL": "error",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PARENT,
        env={**os.environ, **settings},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    parent = Parent(process)
    try:
        yield parent
    finally:
        await parent.end()


async def test_storage_killed_again_and_again_under_load_stores_each_score_once(
    redis_url: str, broker: RedisBroker, database_url: str, tmp_path: Path
) -> None:
    load, stop = Load(broker), asyncio.Event()
    database = Database(database_url)
    await database.prepare()
    await load.begin()
    publishing = asyncio.create_task(load.until(stop))
    async with _parent(redis_url, database_url, tmp_path, broker.partitions) as parent:
        for kill in range(KILLS):
            before = await stored(database)
            child = await parent.start()
            more = before + 1 + 7 * (kill % 5)
            await wait_until(lambda more=more: _reached(database, more), 30, 0.005)  # type: ignore[misc]
            os.kill(child, signal.SIGKILL)
            assert await parent.exit_code() == -signal.SIGKILL
        stop.set()
        await publishing
        await load.end()
        child = await parent.start()
        await require_all(load, database)
        os.kill(child, signal.SIGTERM)
        assert await parent.exit_code() == 0
    await database.close()


async def _reached(database: Database, count: int) -> bool:
    return await stored(database) >= count
