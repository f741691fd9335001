"""Keeps the suite's processes running: restarts with a growing pause, and an ordered stop.

honcho starts the processes and relays their lines. Its Manager is not used: it ends everything when
one process ends, and stops all at once, while the broker has to outlive those who write to it.
"""

import asyncio
import signal
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from tonewatch.suite._process import ChildProcess
from tonewatch.suite.child import Child
from tonewatch.suite.log import SuiteLog

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0
STABLE_SECONDS: Final = 60.0
STOP_SECONDS: Final = 15.0
"""Longer than a service's own drain time (10 s)."""
CONFIGURATION_EXIT: Final = 2
STARTUP_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Failure:
    """A child that cannot start, and how it ended."""

    name: str
    how: str


class Supervisor:
    """Runs children until `stop`.

    A child that ends is started again after a pause that doubles while it keeps ending. Before
    `settled` is set, `failed` gets the first child that cannot start at all.
    """

    def __init__(self, log: SuiteLog, *, first_pause_seconds: float = FIRST_PAUSE_SECONDS) -> None:
        self._log = log
        self._first_pause = first_pause_seconds
        self._processes: dict[str, ChildProcess] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self.settled = False
        self.failed: asyncio.Future[Failure] = asyncio.get_running_loop().create_future()

    def start(self, child: Child) -> None:
        """Start a child and keep it running."""
        process = self._launch(child)
        self._keepers.append(asyncio.create_task(self._keep(child, process), name=child.name))

    async def stop(self) -> None:
        """Stop all children, stage by stage; returns when none is left."""
        self._stopping.set()
        by_stage = sorted(self._processes.values(), key=lambda process: process.child.stage)
        for _, stage in groupby(by_stage, key=lambda process: process.child.stage):
            await asyncio.gather(*(self._end(process) for process in stage))
        await asyncio.gather(*self._keepers)

    def kill(self) -> None:
        """End all children at once."""
        self._stopping.set()
        for process in self._processes.values():
            process.kill()

    def _launch(self, child: Child) -> ChildProcess:
        process = ChildProcess(child, self._log.line)
        self._processes[child.name] = process
        return process

    async def _keep(self, child: Child, process: ChildProcess) -> None:
        clock = asyncio.get_running_loop().time
        failures = 0
        while True:
            started = clock()
            code = await process.ended
            if self._stopping.is_set():
                return
            failures = 1 if clock() - started > STABLE_SECONDS else failures + 1
            how = describe_exit(code)
            if self._is_hopeless(code, failures):
                if not self.failed.done():
                    self.failed.set_result(Failure(child.name, how))
                return
            pause = min(self._first_pause * 2 ** (failures - 1), LONGEST_PAUSE_SECONDS)
            self._log.say(f"{child.name} {how}; starting it again in {pause:g} s")
            if await self._stops_within(pause):
                return
            process = self._launch(child)

    def _is_hopeless(self, code: int, failures: int) -> bool:
        """A wrong setting does not mend itself; once all ran, a fault is taken to pass."""
        return not self.settled and (code == CONFIGURATION_EXIT or failures >= STARTUP_ATTEMPTS)

    async def _stops_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._stopping.wait()
        except TimeoutError:
            return False

    async def _end(self, process: ChildProcess) -> None:
        process.terminate()
        done, _ = await asyncio.wait({process.ended}, timeout=STOP_SECONDS)
        if not done:
            self._log.say(f"{process.child.name} did not stop in {STOP_SECONDS:g} s; killing it")
            process.kill()
            await process.ended


def describe_exit(code: int) -> str:
    """How a process ended, in words."""
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
