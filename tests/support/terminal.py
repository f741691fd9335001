"""The command `tonewatch` as people start it: in a shell with a folder of its own."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.wait import wait_until

PROGRAM = Path(sys.executable).with_name("tonewatch")


@dataclass
class Done:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


class Command:
    """A command at work."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.out, self.err = "", ""
        assert process.stdout is not None
        assert process.stderr is not None
        self._readers = [
            asyncio.create_task(self._read(process.stdout, "out")),
            asyncio.create_task(self._read(process.stderr, "err")),
        ]

    async def prints(self, text: str) -> None:
        """Return when it has printed a text; fail if it ends before, or takes too long."""
        await wait_until(lambda: text in self.out + self.err or self._ended, 30)
        assert text in self.out + self.err, (self.out, self.err)

    async def answer(self, text: str) -> None:
        """Type a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n".encode())
        await self.process.stdin.drain()

    async def ends(self) -> Done:
        """Wait for its end."""
        async with asyncio.timeout(60):
            await asyncio.gather(*self._readers)
            code = await self.process.wait()
        return Done(code, self.out, self.err)

    @property
    def _ended(self) -> bool:
        return all(reader.done() for reader in self._readers)

    async def _read(self, stream: asyncio.StreamReader, name: str) -> None:
        while data := await stream.read(65_536):
            setattr(self, name, getattr(self, name) + data.decode())


@dataclass
class Terminal:
    """A person's shell: an environment, and a folder of configuration of its own."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def account_file(self) -> Path:
        """Where `login` keeps what it was told."""
        return self.folder / "config" / "tonewatch" / "login.json"

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """What a command sees."""
        basics = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "LANG": "en_US.UTF-8",
            "PYTHONUTF8": "1",
            "COLUMNS": "200",
            "TZ": "UTC",
        }
        return {**basics, **self.variables, **more}

    @asynccontextmanager
    async def start(self, *words: str, **env: str) -> AsyncIterator[Command]:
        """A command that goes on; it is ended after the test's look at it."""
        process = await asyncio.create_subprocess_exec(
            PROGRAM, *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.environment(env),
        )  # fmt: skip
        command = Command(process)
        try:
            yield command
        finally:
            if process.returncode is None:
                process.kill()
            await command.ends()

    async def run(self, *words: str, typed: str = "", **env: str) -> Done:
        """A command from its start to its end."""
        async with self.start(*words, **env) as command:
            assert command.process.stdin is not None
            command.process.stdin.write(typed.encode())
            command.process.stdin.close()
            return await command.ends()
