"""Background loops under supervision: one that fails is started again, ever more slowly."""

import asyncio
import random
from collections.abc import Iterable
from typing import Any, Final

from tonewatch.shared.errors import TonewatchError, UnavailableError
from tonewatch.shared.logging import get_logger
from tonewatch.shared.runtime._service import Loop, Service

TRIM_SECONDS: Final = 5.0
FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 5.0
STABLE_SECONDS: Final = 30.0
CANCEL_AGAIN_SECONDS: Final = 0.5

log = get_logger(__name__)


def loop_name(loop: Loop) -> str:
    """How a loop is called in logs and metrics."""
    return str(getattr(loop, "__qualname__", type(loop).__name__)).rpartition(".")[2]


async def supervise(service: Service[Any], loop: Loop, stop: asyncio.Event) -> None:
    """Run one loop until `stop`, over and over if it fails."""
    name = loop_name(loop)
    pause = FIRST_PAUSE_SECONDS
    clock = asyncio.get_running_loop().time
    while not stop.is_set():
        started = clock()
        try:
            await _run(loop, stop)
        except UnavailableError as error:
            log.warning(
                "loop waits", loop=name, reason=error.message, retry_seconds=round(pause, 1)
            )
        except TonewatchError as error:
            log.error("loop failed", loop=name, reason=error.message)
        except Exception:
            log.exception("loop failed", loop=name)
        else:
            return
        service.metrics.count("loop_failures_total", loop=name)
        if clock() - started > STABLE_SECONDS:
            pause = FIRST_PAUSE_SECONDS
        await wait_for_stop(stop, pause * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


async def _run(loop: Loop, stop: asyncio.Event) -> None:
    """Run a loop once; cancelled, it is cancelled until it has ended.

    redis-py sends by `asyncio.wait_for`, which before Python 3.12 loses a cancellation that comes
    with the answer it waits for: the loop then goes on, and the service would never end.
    """
    task = asyncio.ensure_future(loop(stop))
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=CANCEL_AGAIN_SECONDS)
        await asyncio.gather(task, return_exceptions=True)  # whatever it had to say
        raise
    task.result()


async def wait_for_stop(stop: asyncio.Event, seconds: float) -> bool:
    """Sleep, but wake at once when the service stops; says whether it does."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True


def own_loops(service: Service[Any]) -> Iterable[Loop]:
    """The loops that the skeleton itself adds."""

    async def trim(stop: asyncio.Event) -> None:
        while not await wait_for_stop(stop, TRIM_SECONDS):
            for stream in service.trims:
                removed = await service.broker.trim(stream)
                service.metrics.count("trimmed_total", removed, stream=stream.name)

    if service.trims:
        yield trim
