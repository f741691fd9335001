"""The real suite as a person starts it: its own process, free ports, and a look for leftovers."""

import asyncio
import os
import random
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from tests.support.ports import FIRST
from tests.support.wait import wait_until
from tonewatch.suite.ports import Ports, is_free

PROGRAM: Final = Path(sys.executable).with_name("tonewatch-suite")
MARK: Final = "TW_TEST_RUN"


def free_offset() -> int:
    """A --port-offset with which every port of the suite is free.

    All below those that single servers of tests are given; see `ports.FIRST`.
    """
    for _ in range(100):
        offset = random.randrange(1_000, FIRST - 9_000)
        if all(is_free(port) for port in Ports.moved(offset).by_name().values()):
            return offset
    raise AssertionError("no free ports")


class RunningSuite:
    """A started suite; everything it started carries a mark in its environment."""

    def __init__(self, process: asyncio.subprocess.Process, mark: str) -> None:
        self._process = process
        self._mark = mark
        self._lines: list[str] = []
        self._reader = asyncio.create_task(self._read())

    @property
    def output(self) -> str:
        """All that it printed so far."""
        return "\n".join(self._lines)

    async def prints(self, text: str, timeout_seconds: float = 60) -> None:
        """Return when it has printed the text; fail if it ends or takes too long."""
        await wait_until(lambda: text in self.output or self._reader.done(), timeout_seconds)
        assert text in self.output, self.output

    def signal(self, number: signal.Signals) -> None:
        """To the suite itself, not to what it started."""
        self._process.send_signal(number)

    async def exit_code(self, timeout_seconds: float) -> int:
        """Wait for its end."""
        async with asyncio.timeout(timeout_seconds):
            code = await self._process.wait()
            await self._reader
        return code

    def processes(self) -> dict[int, str]:
        """Command lines of all its processes that run now, itself included."""
        found = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                # ended meanwhile, another user's, or a zombie
                with suppress(OSError):
                    if f"{MARK}={self._mark}".encode() in (folder / "environ").read_bytes():
                        line = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                        found[int(folder.name)] = line.decode(errors="replace")
        return found

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._lines.append(line.decode(errors="replace").rstrip())


@asynccontextmanager
async def suite(
    *arguments: str, env: Mapping[str, str] | None = None
) -> AsyncIterator[RunningSuite]:
    """Start `tonewatch-suite up ARGUMENTS`; whatever is left at the end is killed."""
    mark = uuid.uuid4().hex
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "up", *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **(env or {}), MARK: mark},
    )  # fmt: skip
    running = RunningSuite(process, mark)
    try:
        yield running
    finally:
        for pid in running.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await running.exit_code(10)
