"""One ffmpeg child process: PCM from its stdout, its last log lines kept, and always ended."""

import asyncio
import os
import re
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from tonewatch.ingest.media import diagnosis
from tonewatch.ingest.media.pump import Pipe, Pump
from tonewatch.shared.errors import ConfigurationError
from tonewatch.shared.logging import scrub
from tonewatch.shared.messages import SAMPLE_RATE_HZ

BYTES_PER_SECOND: Final = 2 * SAMPLE_RATE_HZ
"""Of one channel."""
LOG_LINES: Final = 100
LINE_CHARACTERS: Final = 500
EXIT_SECONDS: Final = 2.0
"""How long a process may take to end by itself after its last audio."""
KILL_SECONDS: Final = 5.0
KEPT_ENVIRONMENT: Final = ("PATH", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""No proxy variables of the machine: the only proxy is the guard of pulled URLs."""


class AudioProcess:
    """A running ffmpeg; made by `AudioProcess.running`."""

    def __init__(self, process: asyncio.subprocess.Process, channels: int, audio: Pipe) -> None:
        self._process = process
        self._bytes_per_second = BYTES_PER_SECOND * channels
        self._audio = audio
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._log_reader = asyncio.create_task(self._keep_log())
        self._gone: asyncio.Future[tuple[int, None]] | None = None
        self.had_audio = False
        self.stated_duration: timedelta | None = None
        """How long the input says it is; None for a live stream, or before it has said so."""

    @classmethod
    @asynccontextmanager
    async def running(
        cls,
        argv: Sequence[str],
        channels: int = 1,
        *,
        pump: Pump | None = None,
        environment: Mapping[str, str] | None = None,
        files: Sequence[int] = (),
    ) -> AsyncIterator["AudioProcess"]:
        """Start ffmpeg, which was told to write so many channels.

        Live audio is read through a pump, which all streams share. On leaving it is ended, however
        the block was left. `environment` comes on top of what is kept; `files` are open files that
        it inherits.

        Raises:
            ConfigurationError: the program cannot be started.
        """
        reading, writing = os.pipe()
        kept = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=asyncio.subprocess.PIPE,
                env=kept | dict(environment or {}),
                pass_fds=files,
                process_group=0,  # Ctrl-C goes to ingest, which ends its sessions in order
            )
        except BaseException as error:
            os.close(reading)
            if isinstance(error, OSError):
                raise ConfigurationError(f"{argv[0]} cannot be started: {error}") from error
            raise
        finally:
            os.close(writing)
        pipe = (pump or Pump()).open(reading, prompt=pump is None)
        audio = cls(process, channels, pipe)
        try:
            yield audio
        finally:
            await audio.end()

    @property
    def log(self) -> list[str]:
        """The last lines of ffmpeg's log, without credentials."""
        return list(self._log)

    async def read(self, milliseconds: int = 1000, patience: float | None = None) -> bytes:
        """So much PCM; less at the end, nothing after it.

        Raises:
            TimeoutError: no byte came for `patience` seconds; `rest` has what came before.
        """
        size = self._bytes_per_second * milliseconds // 1000
        chunk = await self._audio.read(size, patience)
        self.had_audio = self.had_audio or bool(chunk)
        return chunk

    def rest(self) -> bytes:
        """The PCM that came and was not read."""
        self._audio.fill()
        return self._audio.rest()

    async def verdict(self) -> diagnosis.Verdict:
        """Why it ended; call after `read` returned nothing."""
        await self.end(patience=EXIT_SECONDS)
        return diagnosis.diagnose(self.log, self._process.returncode, had_audio=self.had_audio)

    async def end(self, patience: float = 0.0) -> None:
        """Make sure that it is gone: wait for its own end, then kill it; it has nothing to save."""
        if not (patience and await self._exited_within(patience)):
            if self._process.returncode is None:
                self._process.kill()
            await self._exited_within(KILL_SECONDS)
        self._audio.close()

    async def _exited_within(self, seconds: float) -> bool:
        if self._gone is None:
            # Process.wait() alone may wait for ever: its log must be drained as well
            self._gone = asyncio.gather(self._process.wait(), self._log_reader)
        done, _ = await asyncio.wait({self._gone}, timeout=seconds)
        return bool(done)

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
