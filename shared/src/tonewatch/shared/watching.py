"""Tells when a configuration file should be read again: it changed, SIGHUP came, or somebody asked.

Polled: editors replace files, containers mount them, and change notices are lost in both cases.
"""

import asyncio
import signal
from hashlib import sha256
from pathlib import Path
from typing import Final

from tonewatch.shared.logging import get_logger

POLL_SECONDS: Final = 1.0

log = get_logger(__name__)


class FileWatch:
    """Watches one file; `known` is the SHA-256 of what was read of it already."""

    def __init__(self, path: Path, poll_seconds: float = POLL_SECONDS, *, known: str = "") -> None:
        self._path = path
        self._poll_seconds = poll_seconds
        self._digest = known
        self._asked = asyncio.Event()

    async def remember(self) -> None:
        """What the file holds now is known."""
        self._digest = await asyncio.to_thread(_digest, self._path)

    def listen(self) -> None:
        """Count SIGHUP as asking."""
        try:
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self.ask)
        except (NotImplementedError, RuntimeError, ValueError) as error:
            log.info("SIGHUP is not heard here", reason=str(error))

    def ask(self) -> None:
        """Have the file read again, changed or not."""
        self._asked.set()

    async def changed(self, stop: asyncio.Event) -> bool:
        """Wait until the file should be read again; False if stopped before."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                asked = asyncio.create_task(self._asked.wait())
                await asyncio.wait(
                    {stopping, asked},
                    timeout=self._poll_seconds,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                asked.cancel()
                before = self._digest
                await self.remember()
                if self._asked.is_set() or self._digest != before:
                    self._asked.clear()
                    return not stop.is_set()
        finally:
            stopping.cancel()
        return False


def _digest(path: Path) -> str:
    """Of the content; of the reason, if there is none to be had."""
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return f"unreadable: {error.strerror}"
