"""The real alerting process, to be killed."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.conftest import PARTITIONS
from tests.support.wait import wait_until
from tonewatch.shared.http import HTTPError, create_client


class AlertingProcess:
    """Starts, kills and starts again one replica; its log goes to a file."""

    def __init__(self, redis_url: str, folder: Path, port: int, **options: Any) -> None:
        self.log = folder / "alerting.log"
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {
            "PATH": os.environ["PATH"],
            "TONEWATCH_REDIS__URL": redis_url,
            "TONEWATCH_PARTITIONS": str(PARTITIONS),
            "TONEWATCH_DATA_DIR": str(folder),
            "TONEWATCH_LOG__LEVEL": "debug",
            "TONEWATCH_ALERTING__PORT": str(port),
            "TONEWATCH_ALERTING__EGRESS": '{"allow":["127.0.0.0/8"]}',
        }
        for name, value in options.items():
            shown = value if isinstance(value, str) else json.dumps(value)
            self._environment[f"TONEWATCH_ALERTING__{name.upper()}"] = shown
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
        async with create_client(base_url=self.url) as client:
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
