"""Inference workers as real processes that a test kills and replaces."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any, Final

from tests.support.wait import wait_until

NURSERY: Final = Path(__file__).with_name("nursery.py")


class Nursery:
    """Forks processes of one service, all with the same environment; see nursery.py."""

    def __init__(
        self, service: str, environment: Mapping[str, str], log: IO[bytes] | None = None
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(NURSERY), service],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )

    def start(self) -> int:
        """Start one; returns its process id."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """Start no more; those that were started go on."""
        self._process.communicate(timeout=10)


class Fleet:
    """Worker processes; a killed one is replaced at once."""

    def __init__(self, redis_url: str, folder: Path, partitions: int, **options: Any) -> None:
        environment = {
            **os.environ,
            "TONEWATCH_REDIS__URL": redis_url,
            "TONEWATCH_PARTITIONS": str(partitions),
            "TONEWATCH_DATA_DIR": str(folder),
            "TONEWATCH_LOG__LEVEL": "warning",
            "TONEWATCH_INFERENCE__PORT": "0",
            "TONEWATCH_INFERENCE__ENGINE": "fake",
            "TONEWATCH_INFERENCE__MAX_DELIVERIES": "25",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            **{f"TONEWATCH_INFERENCE__{name.upper()}": str(v) for name, v in options.items()},
        }
        self._nursery = Nursery("inference", environment)
        self.living: set[int] = set()

    def start(self) -> None:
        """One worker more."""
        self.living.add(self._nursery.start())

    def kill(self, process_id: int) -> None:
        """With -9."""
        os.kill(process_id, signal.SIGKILL)
        self.living.remove(process_id)

    async def stop(self) -> None:
        """Let all drain and end."""
        for process_id in self.living:
            os.kill(process_id, signal.SIGTERM)
        await wait_until(lambda: not any(map(runs, self.living)), timeout_seconds=30)
        self._nursery.close()


def runs(process_id: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


@asynccontextmanager
async def at_work(
    redis_url: str, folder: Path, *, workers: int, partitions: int, **options: Any
) -> AsyncIterator[Fleet]:
    """A fleet that is stopped at the end, whatever happens; `options` are inference's settings."""
    fleet = Fleet(redis_url, folder, partitions, **options)
    try:
        for _ in range(workers):
            fleet.start()
        yield fleet
    finally:
        await fleet.stop()
