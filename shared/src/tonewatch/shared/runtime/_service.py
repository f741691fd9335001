"""What a service is: the base class that each of the five subclasses."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from fastapi import APIRouter, FastAPI

from tonewatch.shared.broker import Broker
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.runtime._health import Health
from tonewatch.shared.settings import ServiceOptions, Settings
from tonewatch.shared.streams import Stream
from tonewatch.shared.token import suite_token

SettingsT = TypeVar("SettingsT", bound=Settings)

Loop = Callable[[asyncio.Event], Awaitable[None]]
"""A background loop: runs until the event is set, finishes what is in hand, and returns.

One that raises is logged, counted and started again after a pause, which grows while it keeps
failing; UnavailableError (Redis away) counts as waiting, not as a defect.
"""


class Service(Generic[SettingsT]):
    """Base of a service.

    Life: `open` (build resources; no network needed yet) -> loops run, HTTP is served -> SIGTERM
    sets the stop event -> loops finish within `drain_seconds` -> `close`.
    """

    name: ClassVar[str]
    """ingest, inference, alerting, storage or console."""

    streams: ClassVar[tuple[Stream, ...]] = ()
    """Streams whose consumer groups this service makes sure of before its loops start."""

    trims: ClassVar[tuple[Stream, ...]] = ()
    """Streams that this service trims from time to time (each stream has one such service)."""

    largest_message_bytes: ClassVar[int] = 256 * 1024
    """Of what comes over a WebSocket; a larger message ends the connection."""

    guards_itself: ClassVar[bool] = False
    """Whether it asks for more than the suite's own token: then that is not asked for."""

    open_paths: ClassVar[tuple[str, ...]] = ()
    """Paths beside the probes that need no token, as they ask for keys of their own; one that ends
    with a slash stands for all below it."""

    def __init__(self, settings: SettingsT, broker: Broker) -> None:
        self.settings = settings
        self.broker = broker
        self.token = suite_token(settings)
        self.metrics = Metrics()
        self.health = Health()
        self.health.add("redis", self._check_broker)

    @property
    def options(self) -> ServiceOptions:
        """The service's own section of the settings."""
        options: ServiceOptions = getattr(self.settings, self.name)
        return options

    async def open(self) -> None:
        """Build what the service needs; may raise ConfigurationError, which ends the process."""

    def loops(self) -> Sequence[Loop]:
        """Background loops, started after `open`."""
        return ()

    def routers(self) -> Sequence[APIRouter]:
        """HTTP routes beside /health, /ready and /metrics."""
        return ()

    def extend(self, app: FastAPI) -> None:
        """Last word on the ASGI application: middleware, mounts, further error renderings."""

    async def close(self) -> None:
        """Release what `open` built; the loops have ended by then."""

    async def _check_broker(self) -> str:
        await self.broker.ping()
        return "answers"
