"""The real alerting process, to be killed."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.conftest import PARTITIONS
from tests.support.fleet import Nursery, runs
from tests.support.wait import wait_until
from tonewatch.shared.http import HTTPError, create_client


class AlertingProcess:
    """Starts, kills and starts again one replica; its log goes to a file."""

    def __init__(self, redis_url: str, folder: Path, port: int, **options: Any) -> None:
        self.log = folder / "alerting.log"
        self.url = f"http://127.0.0.1:{port}"
        self._environment = environment_of(redis_url, folder, port, **options)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start and wait until it answers."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tonewatch.alerting.main",
                "run",
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        await wait_until(self._answers, timeout_seconds=60)

    async def kill(self) -> int | None:
        """Like a power cut; returns the exit status."""
        return await self._end(signal.SIGKILL)

    async def stop(self) -> int | None:
        """Ask it to stop; returns its exit status."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        if process.returncode is not None:
            return process.returncode
        process.send_signal(number)
        return await asyncio.wait_for(process.wait(), 20)

    async def _answers(self) -> bool:
        if self._process is not None and self._process.returncode is not None:
            raise AssertionError(f"it ended: {self.log.read_text()}")
        return await is_ready(self.url)


class Forked:
    """One replica that is started and killed many times: forked from a process that has imported
    it, so that a start takes no second; see `tests.support.nursery`.
    """

    def __init__(self, nursery: Nursery, url: str) -> None:
        self.url = url
        self._nursery = nursery
        self._process_id: int | None = None

    def start(self) -> None:
        """Start it; it may take a while until it answers."""
        self._process_id = self._nursery.start()

    async def start_and_wait(self) -> None:
        """Start it and wait until it answers."""
        self.start()
        await wait_until(lambda: is_ready(self.url), timeout_seconds=30)

    def send(self, number: signal.Signals) -> None:
        """Such as SIGSTOP, which freezes it."""
        assert self._process_id is not None
        os.kill(self._process_id, number)

    async def partitions(self) -> int:
        """How many partitions it evaluates, of those that the replicas share."""
        async with create_client(base_url=self.url) as client:
            checks = (await client.get("/ready")).json()["checks"]
        found = re.search(r"evaluates (\d+) of", checks["leases"]["detail"])
        return int(found[1]) if found else 0

    async def kill(self) -> None:
        """Like a power cut, whatever it is doing."""
        process_id, self._process_id = self._process_id, None
        if process_id is not None:
            os.kill(process_id, signal.SIGKILL)
            await wait_until(lambda: not runs(process_id), interval_seconds=0.002)


@asynccontextmanager
async def forked(
    redis_url: str, folder: Path, port: int, *, partitions: int = PARTITIONS, **options: Any
) -> AsyncIterator[Forked]:
    """A replica that is not started yet; killed at the end."""
    environment = {
        **environment_of(redis_url, folder, port, **options),
        "TONEWATCH_PARTITIONS": str(partitions),
        "TONEWATCH_LOG__LEVEL": "info",
    }
    with (folder / f"alerting-{port}.log").open("ab") as log:
        nursery = Nursery("alerting", environment, log)
        made = Forked(nursery, f"http://127.0.0.1:{port}")
        try:
            yield made
        finally:
            await made.kill()
            nursery.close()


def environment_of(redis_url: str, folder: Path, port: int, **options: Any) -> dict[str, str]:
    """The settings of a replica; `options` are alerting's."""
    environment = {
        **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
        "TONEWATCH_REDIS__URL": redis_url,
        "TONEWATCH_PARTITIONS": str(PARTITIONS),
        "TONEWATCH_DATA_DIR": str(folder),
        "TONEWATCH_LOG__LEVEL": "debug",
        "TONEWATCH_ALERTING__PORT": str(port),
        "TONEWATCH_ALERTING__EGRESS": '{"allow":["127.0.0.0/8"]}',
    }
    for name, value in options.items():
        shown = value if isinstance(value, str) else json.dumps(value)
        environment[f"TONEWATCH_ALERTING__{name.upper()}"] = shown
    return environment


async def is_ready(url: str) -> bool:
    """Whether a service answers that it can work."""
    async with create_client(base_url=url) as client:
        try:
            return (await client.get("/ready")).is_success
        except HTTPError:
            return False


@asynccontextmanager
async def alerting_process(
    redis_url: str, folder: Path, port: int, **options: Any
) -> AsyncIterator[AlertingProcess]:
    """A started process; killed at the end if it still runs."""
    process = AlertingProcess(redis_url, folder, port, **options)
    try:
        await process.start()
        yield process
    finally:
        await process.kill()
