"""One life of one process: started by honcho on a leash, its lines relayed, until it ended."""

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from honcho.process import Popen, Process

from tonewatch.suite._leash import leashed
from tonewatch.suite.child import Child

CANNOT_START: Final = 126


class _GroupPopen(Popen):  # type: ignore[misc] # honcho has no type information
    """A process group of its own, which is swept when its leader ends.

    A service that was killed leaves its ffmpeg behind; that would go on, and hold the output pipe
    open, so that honcho would not see the end. The sweep happens while the leader is a zombie: its
    number cannot have been given to anyone else.
    """

    def __init__(self, argv: list[str], *, env: Mapping[str, str], cwd: str | None = None) -> None:
        super().__init__(argv, env=env, cwd=cwd, shell=False)
        self._sweeper = threading.Thread(target=self._sweep, daemon=True)
        self._sweeper.start()

    def _sweep(self) -> None:
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        signal_group(self.pid, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Reap the leader, but only after its group was swept."""
        self._sweeper.join()
        code: int = super().wait(timeout)
        return code


class ChildProcess:
    """A running child; honcho reads its output in a thread and reports here."""

    def __init__(self, child: Child, on_line: Callable[[str, str], None]) -> None:
        self.child = child
        self._on_line = on_line
        self._loop = asyncio.get_running_loop()
        self._pid: int | None = None
        self.ended: asyncio.Future[int] = self._loop.create_future()
        env = {**os.environ, **child.env}
        self._process = Process(leashed(child.argv), name=child.name, env=env)
        self._process._child_ctor = _GroupPopen  # noqa: SLF001 - honcho's own starts a shell
        # One thread per child, alive as long as the child: the leash is tied to this very thread.
        threading.Thread(target=self._relay, name=child.name, daemon=True).start()

    def terminate(self) -> None:
        """Ask it to stop."""
        if self._pid is not None and not self.ended.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it and all that it started."""
        if self._pid is not None and not self.ended.done():
            signal_group(self._pid, signal.SIGKILL)

    def put(self, message: Any) -> None:
        """Take an event from honcho, in honcho's thread: this object is its queue."""
        with contextlib.suppress(RuntimeError):  # the loop has ended, nobody listens any more
            self._loop.call_soon_threadsafe(self._take, message.type, message.data)

    def _relay(self) -> None:
        try:
            self._process.run(self)
        except OSError as error:
            text = f"cannot be started: {error}".encode()
            self._loop.call_soon_threadsafe(self._take, "line", text)
            self._loop.call_soon_threadsafe(self._take, "stop", {"returncode": CANNOT_START})

    def _take(self, kind: str, data: Any) -> None:
        if kind == "start":
            self._pid = data["pid"]
        elif kind == "line":
            self._on_line(self.child.name, data.decode(errors="replace").rstrip())
        elif not self.ended.done():
            self.ended.set_result(data["returncode"])


def signal_group(leader: int, number: signal.Signals) -> None:
    """Signal a process group; one that is gone, or that changed its user, is left alone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)
