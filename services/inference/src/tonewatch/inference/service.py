"""The inference service: an engine, a worker, and what watches them."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from fastapi import APIRouter

from tonewatch.inference.api import engine_router
from tonewatch.inference.host import EngineHost
from tonewatch.inference.settings import InferenceSettings
from tonewatch.inference.telemetry import Watch
from tonewatch.inference.worker import Worker
from tonewatch.shared.broker import Broker
from tonewatch.shared.errors import EngineError
from tonewatch.shared.runtime import Loop, Service
from tonewatch.shared.streams import FRAMES, SCORES, UPLOADS, Stream


class InferenceService(Service[InferenceSettings]):
    """Scores frames with the engine that the settings name.

    The engine loads in the background, for that may take minutes: HTTP answers at once and /ready
    says what it waits for. A model that cannot be used ends the process: the loading loop sets the
    stop event and `close` raises the error, so that the command exits with 2 and one sentence.
    """

    name: ClassVar[str] = "inference"
    streams: ClassVar[tuple[Stream, ...]] = (FRAMES, UPLOADS, SCORES)
    trims: ClassVar[tuple[Stream, ...]] = (SCORES,)

    def __init__(self, settings: InferenceSettings, broker: Broker) -> None:
        super().__init__(settings, broker)
        options = settings.inference
        self.host = EngineHost(options, settings.data_dir / "models", self.metrics)
        self.worker = Worker(broker, self.host, options, self.metrics, settings.data_dir)
        self.health.add("engine", self.host.check)
        self._watch = Watch(broker, self.host, self.metrics)
        self._unusable: EngineError | None = None

    def loops(self) -> Sequence[Loop]:
        """Load, work, keep, claim, watch."""
        worker = self.worker
        return (self.load_engine, worker.work, worker.keep, worker.claim, self._watch.watch)

    def routers(self) -> Sequence[APIRouter]:
        """GET /v1/engine."""
        return (engine_router(self.host),)

    async def load_engine(self, stop: asyncio.Event) -> None:
        """Load the engine once, or end the service."""
        loading = asyncio.create_task(self.host.load())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({loading, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not loading.done():
            loading.cancel()
            return
        error = loading.exception()
        if isinstance(error, EngineError):
            self._unusable = error
            stop.set()
        elif error is not None:
            raise error

    async def close(self) -> None:
        """Release the engine.

        Raises:
            EngineError: the model could not be used; that is why the service stopped.
        """
        await self.host.close()
        if self._unusable is not None:
            raise self._unusable
