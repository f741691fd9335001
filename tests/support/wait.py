"""Waiting for a condition instead of for time."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable


async def wait_until(
    predicate: Callable[[], object | Awaitable[object]],
    timeout_seconds: float = 30,
    interval_seconds: float = 0.02,
) -> None:
    """Return as soon as the predicate (sync or async) is true; fail after the timeout."""
    deadline = asyncio.get_running_loop().time() + timeout_seconds
    while True:
        answer = predicate()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return
        if asyncio.get_running_loop().time() > deadline:
            source = getattr(predicate, "__qualname__", repr(predicate))
            raise AssertionError(f"not true within {timeout_seconds} s: {source}")
        await asyncio.sleep(interval_seconds)


async def accepts(port: int) -> bool:
    """Whether somebody on loopback takes connections there."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
