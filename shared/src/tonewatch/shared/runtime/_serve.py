"""From a service object to a running, stoppable process."""

import asyncio
import gc
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import uvicorn

from tonewatch.shared.errors import ConfigurationError, UnavailableError
from tonewatch.shared.logging import get_logger
from tonewatch.shared.runtime._app import build_app
from tonewatch.shared.runtime._guard import require_guard
from tonewatch.shared.runtime._loops import own_loops, supervise, wait_for_stop
from tonewatch.shared.runtime._service import Service

log = get_logger(__name__)

OPEN_AGAIN_SECONDS: Final = 1.0
KEEP_ALIVE_SECONDS: Final = 75
"""Longer than any client of ours keeps a free connection: one closed by the server just as the
client sends its next request is a failed request."""


@asynccontextmanager
async def serving(service: Service[Any], stop: asyncio.Event) -> AsyncIterator[int]:
    """A service at work: opened, served, its loops running; yields its HTTP port.

    On leaving, the loops are told to stop and given `drain_seconds` to finish what is in hand.

    Raises:
        ConfigurationError: the port is taken, the service cannot be opened, it would answer other
            machines without a token, or it was stopped while it waited for what it needs.
    """
    require_guard(service)
    with _listen(service.options.host, service.options.port) as listener:
        try:
            await _open(service, stop)
            async with _http(service, listener):
                work = asyncio.create_task(_work(service, stop), name="work")
                port: int = listener.getsockname()[1]
                log.info("started", port=port)
                try:
                    yield port
                finally:
                    stop.set()
                    await _finish(work, service.options.drain_seconds)
        finally:
            await service.close()


async def _open(service: Service[Any], stop: asyncio.Event) -> None:
    """Open the service as soon as what it needs, such as its database, is there."""
    said = ""
    while True:
        try:
            return await service.open()
        except UnavailableError as error:
            if error.message != said:
                log.warning("waiting to start", reason=error.message)
            said = error.message
        if await wait_for_stop(stop, OPEN_AGAIN_SECONDS):
            raise ConfigurationError(f"stopped before it could start: {said}")


def _listen(host: str, port: int) -> socket.socket:
    """Bind before anything else is started; uvicorn would leave the process on a taken port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host}:{port} ({error.strerror}); does another program use it?"
        ) from error
    # connections inherit it. asyncio sets it only where the protocol is named, and without it the
    # body of a small answer waits 40 ms for the acknowledgement of its head
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


@asynccontextmanager
async def _http(service: Service[Any], listener: socket.socket) -> AsyncIterator[None]:
    server = uvicorn.Server(
        uvicorn.Config(
            build_app(service),
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            # uvicorn would let anybody on this machine, or behind a proxy on it, name its address
            proxy_headers=False,
            ws_max_size=service.largest_message_bytes,
            # a client whose audio waits in its buffer answers a ping late, and is well all the same
            ws_ping_timeout=None,
        )
    )
    # not serve(): that would take over the process's signals
    task = asyncio.create_task(server._serve([listener]), name="http")  # noqa: SLF001
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has no event
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await task


async def _work(service: Service[Any], stop: asyncio.Event) -> None:
    await _setup_streams(service, stop)
    async with asyncio.TaskGroup() as group:
        for loop in (*service.loops(), *own_loops(service)):
            group.create_task(supervise(service, loop, stop))


async def _setup_streams(service: Service[Any], stop: asyncio.Event) -> None:
    """Wait for Redis, then make sure of the consumer groups; the wait shows in /ready."""
    while service.streams and not stop.is_set():
        try:
            return await service.broker.setup(service.streams)
        except UnavailableError as error:
            log.warning("waiting for the broker", reason=error.message)
            await wait_for_stop(stop, 1.0)
    return None


async def _finish(work: asyncio.Task[None], drain_seconds: float) -> None:
    done, _ = await asyncio.wait({work}, timeout=drain_seconds)
    if not done:
        log.warning("drain time is over; what is in hand will be taken up by others")
        work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def run_service(service: Service[Any]) -> None:
    """Run until SIGTERM or SIGINT, drain, and return; a second signal ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal(number: signal.Signals) -> None:
        log.info("stopping", signal=number.name)
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    async with serving(service, stop):
        _spare_from_collection()
        await stop.wait()
    log.info("stopped")


def _spare_from_collection() -> None:
    """Take what was imported and built so far out of the garbage collector's sight.

    A full collection looks at every object and holds all else up: by 0.1 s and more, again and
    again, for what stays until the process ends.
    """
    gc.collect()
    gc.freeze()
