"""Reads the audio of many ffmpeg processes with little work.

ffmpeg writes each packet as it comes, some forty a second; woken at each of them, ingest would do
little else with a hundred streams. So the pipes of live streams are looked at together, ten times a
second, and who waits for a second of audio is woken when it is there. Recordings, which come as
fast as they are taken, are read when there is something, and so is the beginning of a stream: its
first second is waited for.
"""

import asyncio
import contextlib
import fcntl
import math
import os
from typing import Final

TICK_SECONDS: Final = 0.1
READ_BYTES: Final = 256 * 1024
HELD_BYTES: Final = 256 * 1024
"""So much is taken ahead of whoever reads; more waits in the pipe, and ffmpeg with it."""
PIPE_BYTES: Final = 1024 * 1024
BEGINNING_BYTES: Final = 48 * 1024
"""A second and a half of one channel."""


class Pipe:
    """The reading end of a pipe, made by `Pump.open`."""

    def __init__(self, descriptor: int, pump: "Pump", *, prompt: bool) -> None:
        self._descriptor: int | None = descriptor
        self._pump = pump
        self._loop = asyncio.get_running_loop()
        self._prompt_bytes = math.inf if prompt else BEGINNING_BYTES
        self._buffer = bytearray()
        self._ended = False
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self.last_byte_at = self._loop.time()
        """When the newest byte was seen, on the loop's clock."""

    async def read(self, size: int, patience: float | None = None) -> bytes:
        """The next `size` bytes, at most `HELD_BYTES`; fewer, or none, at the end.

        Raises:
            TimeoutError: no byte came for `patience` seconds; `rest` has what was there before.
        """
        while len(self._buffer) < size and not self._ended:
            self._wanted, self._waiter = size, self._loop.create_future()
            try:
                if self._prompt_bytes > 0 and self._descriptor is not None:
                    self._loop.add_reader(self._descriptor, self.fill)
                await self._until_filled(patience)
            finally:
                self._waiter = None
                if self._descriptor is not None:
                    self._loop.remove_reader(self._descriptor)
        return self.rest(size)

    def rest(self, size: int | None = None) -> bytes:
        """What is there without waiting, up to `size` bytes."""
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def fill(self) -> None:
        """Take what the pipe holds; wake who waits, if that is enough."""
        if self._descriptor is None or self._ended or len(self._buffer) >= HELD_BYTES:
            return
        try:
            data = os.read(self._descriptor, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._buffer += data
            self._prompt_bytes -= len(data)
            self.last_byte_at = self._loop.time()
        else:
            self._ended = True
        if self._ended or len(self._buffer) >= self._wanted:
            self._wake()

    def close(self) -> None:
        """Stop reading: a writer gets a broken pipe."""
        self._pump.forget(self)
        if self._descriptor is not None:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
        self._descriptor, self._ended = None, True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _until_filled(self, patience: float | None) -> None:
        assert self._waiter is not None  # noqa: S101 - just made
        while not self._waiter.done():
            left = None
            if patience is not None:
                left = self.last_byte_at + patience - self._loop.time()
                if left <= 0:
                    raise TimeoutError
            await asyncio.wait({self._waiter}, timeout=left)


class Pump:
    """Looks at all its pipes from time to time, as long as it has any."""

    def __init__(self) -> None:
        self._pipes: set[Pipe] = set()
        self._timer: asyncio.TimerHandle | None = None

    def open(self, descriptor: int, *, prompt: bool = False) -> Pipe:
        """Read from a descriptor, which is closed with the pipe; `prompt` for recordings."""
        os.set_blocking(descriptor, False)
        pipe = Pipe(descriptor, self, prompt=prompt)
        if prompt:
            with contextlib.suppress(OSError):  # a larger one is quicker, no more
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        else:
            self._pipes.add(pipe)
            self._schedule()
        return pipe

    def forget(self, pipe: Pipe) -> None:
        """Do not look at it any more."""
        self._pipes.discard(pipe)

    def _schedule(self) -> None:
        if self._timer is None and self._pipes:
            self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        self._timer = None
        for pipe in list(self._pipes):
            pipe.fill()
        self._schedule()
