"""One thread for the engine: models block for long, and an event loop may not.

It is a daemon thread, unlike those of `concurrent.futures`: a download or a hung model must not
keep a stopped process alive.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
_Task = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Any]", Callable[[], Any]]


class EngineThread:
    """Runs functions one after another in a thread of its own."""

    def __init__(self) -> None:
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    async def run(self, function: Callable[[], T]) -> T:
        """Await the function's result; what it raises is raised here.

        Cancelling the wait does not stop the function.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._tasks.put((loop, future, function))
        return await future

    def close(self) -> None:
        """End the thread after what it is doing; does not wait."""
        self._tasks.put(None)

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            loop, future, function = task
            try:
                result, error = function(), None
            except BaseException as raised:  # noqa: BLE001 - raised again where it is awaited
                result, error = None, raised
            # the loop is closed when the service was stopped meanwhile
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(_deliver, future, result, error)


def _deliver(future: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    if future.done():  # nobody waits any more
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
