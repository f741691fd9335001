"""One ffmpeg child process: PCM from its stdout, its last log lines kept, and always ended."""

import asyncio
import os
import re
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from tonewatch.ingest.media import diagnosis
from tonewatch.shared.errors import ConfigurationError
from tonewatch.shared.logging import scrub
from tonewatch.shared.messages import SAMPLE_RATE_HZ

CHUNK_BYTES: Final = 2 * SAMPLE_RATE_HZ // 10
"""100 ms: a divisor of the second, so that reading whole chunks delays no frame. A stream that
drips slower than one chunk per stall time counts as dead."""
LOG_LINES: Final = 100
LINE_CHARACTERS: Final = 500
EXIT_SECONDS: Final = 2.0
"""How long a process may take to end by itself after its last audio."""
KILL_SECONDS: Final = 5.0
KEPT_ENVIRONMENT: Final = ("PATH", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""No proxy variables: the address policy speaks of the address that is really connected to."""


class AudioProcess:
    """A running ffmpeg; made by `AudioProcess.running`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._log_reader = asyncio.create_task(self._keep_log())
        self._gone: asyncio.Future[tuple[int, None, None]] | None = None
        self.had_audio = False
        self.stated_duration: timedelta | None = None
        """How long the input says it is; None for a live stream, or before it has said so."""

    @classmethod
    @asynccontextmanager
    async def running(cls, argv: Sequence[str]) -> AsyncIterator["AudioProcess"]:
        """Start ffmpeg; on leaving it is ended, however the block was left.

        Raises:
            ConfigurationError: the program cannot be started.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ},
                process_group=0,  # Ctrl-C goes to ingest, which ends its sessions in order
            )
        except OSError as error:
            raise ConfigurationError(f"{argv[0]} cannot be started: {error}") from error
        audio = cls(process)
        try:
            yield audio
        finally:
            await audio.end()

    @property
    def log(self) -> list[str]:
        """The last lines of ffmpeg's log, without credentials."""
        return list(self._log)

    async def read(self) -> bytes:
        """The next 100 ms of PCM; shorter at the end, empty after it."""
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        try:
            chunk = await self._process.stdout.readexactly(CHUNK_BYTES)
        except asyncio.IncompleteReadError as error:
            chunk = error.partial
        self.had_audio = self.had_audio or bool(chunk)
        return chunk

    async def verdict(self) -> diagnosis.Verdict:
        """Why it ended; call after `read` returned nothing."""
        await self.end(patience=EXIT_SECONDS)
        return diagnosis.diagnose(self.log, self._process.returncode, had_audio=self.had_audio)

    async def end(self, patience: float = 0.0) -> None:
        """Make sure that it is gone: wait for its own end, then kill it; it has nothing to save."""
        if patience and await self._exited_within(patience):
            return
        if self._process.returncode is None:
            self._process.kill()
        await self._exited_within(KILL_SECONDS)

    async def _exited_within(self, seconds: float) -> bool:
        if self._gone is None:
            # Process.wait() alone may wait for ever: the pipes must be drained as well
            self._gone = asyncio.gather(
                self._process.wait(), self._drain_stdout(), self._log_reader
            )
        done, _ = await asyncio.wait({self._gone}, timeout=seconds)
        return bool(done)

    async def _drain_stdout(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        while await self._process.stdout.read(65536):
            pass

    async def _keep_log(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - it was asked for
        rest = ""
        while part := await self._process.stderr.read(4096):
            *lines, rest = re.split(r"[\r\n]+", rest + part.decode(errors="replace"))
            rest = rest[-LINE_CHARACTERS:]
            for line in filter(str.strip, lines):
                self._log.append(scrub(line)[:LINE_CHARACTERS])
                self.stated_duration = self.stated_duration or diagnosis.duration(line)
        if rest.strip():
            self._log.append(scrub(rest))
