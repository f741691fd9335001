"""Runs the commands of the documentation as a reader would, with the test's own values put in."""

import asyncio
import json
import os
import re
from pathlib import Path
from typing import Any, Self

from tests.support.public_door import PublicDoor
from tests.support.require import require_tool


class Shell:
    """A shell in a folder of its own; `values` are what a reader puts in place of examples."""

    def __init__(self, folder: Path, ffmpeg: str, **values: str) -> None:
        require_tool("curl")
        self.folder = folder
        self.values = values
        self._ffmpeg = ffmpeg
        self._environment = dict(os.environ)

    def through(self, door: PublicDoor) -> Self:
        """The same shell; what asks the console of the pages asks this one, with its key."""
        self.values |= door.values
        self._environment |= door.environment
        return self

    async def run(self, command: str) -> Any:
        """What a command prints, as JSON if it is that."""
        status, printed = await self.attempt(command)
        assert status == 0, (command, printed)
        return json.loads(printed) if printed.startswith((b"{", b"[")) else printed

    async def attempt(self, command: str) -> tuple[int | None, bytes]:
        """Exit status and output of a command that may fail."""
        process = await self._start(command)
        printed, _ = await process.communicate()
        return process.returncode, printed

    async def listen(self, command: str, line: str) -> None:
        """Let an endless command run until it prints a line."""
        process = await self._start(f"exec {command}")
        assert process.stdout is not None
        try:
            async with asyncio.timeout(30):
                while (heard := await process.stdout.readline()).decode().strip() != line:
                    assert heard, f"{command} ended without {line!r}"
        finally:
            if process.returncode is None:
                process.terminate()
            await process.communicate()

    async def _start(self, command: str) -> asyncio.subprocess.Process:
        for name, value in self.values.items():
            # escaped, because a value may look like a reference to a group
            escaped = value.replace("\\", r"\\")
            command = re.sub(rf"\b{re.escape(name)}(?!\w)", escaped, command)
        command = command.replace("curl ", "curl --fail-with-body ", 1)
        command = re.sub(r"^ffmpeg", f"{self._ffmpeg} -nostdin -loglevel error", command)
        return await asyncio.create_subprocess_shell(
            command, cwd=self.folder, env=self._environment, stdout=asyncio.subprocess.PIPE
        )
