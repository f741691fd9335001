"""The console as a service: page, live view and forwarding, on one port."""

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar, Final

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from tonewatch.console.forward import forward_router
from tonewatch.console.live import Hub, Tail, live_router
from tonewatch.console.pages import Files, page_router
from tonewatch.console.security import BrowserSecurity
from tonewatch.console.settings import ConsoleOptions, ConsoleSettings
from tonewatch.console.system import Look, system_router
from tonewatch.console.upstreams import Upstreams
from tonewatch.shared.broker import Broker
from tonewatch.shared.runtime import Loop, Service, about_of
from tonewatch.shared.streams import ALERTS, SCORES, SESSIONS

FOREIGN_PAGES: Final = frozenset({"/docs", "/docs/oauth2-redirect", "/redoc"})
"""FastAPI's documentation pages load scripts from a CDN, which the content policy forbids."""


class ConsoleService(Service[ConsoleSettings]):
    """Serves people and programs; owns no data, so it works on when anything behind it is away."""

    name: ClassVar[str] = "console"

    def __init__(self, settings: ConsoleSettings, broker: Broker) -> None:
        super().__init__(settings, broker)
        self.hub = Hub(self.metrics, viewer_queue=self.options.viewer_queue)
        self.tails = [Tail(broker, stream, self.hub) for stream in (SESSIONS, SCORES, ALERTS)]
        self.upstreams = Upstreams(self.options)
        self.look = Look(self.upstreams, broker, self.metrics.render)

    @property
    def options(self) -> ConsoleOptions:
        """The section `console`."""
        return self.settings.console

    def loops(self) -> Sequence[Loop]:
        """One reader per stream, and the farewell to viewers."""
        return (*(tail.run for tail in self.tails), self.end_streams)

    async def end_streams(self, stop: asyncio.Event) -> None:
        """End the viewers' streams when the service stops, or the server would wait for them."""
        await stop.wait()
        self.hub.close()

    def routers(self) -> Sequence[APIRouter]:
        """The page, the live view, the system strip, and last (it matches most) the forwarding."""
        live = live_router(self.hub, heartbeat_seconds=self.options.heartbeat_seconds)
        return (page_router(), live, self._system_router(), forward_router(self.upstreams))

    def extend(self, app: FastAPI) -> None:
        """Static files, and what browsers must be told with every answer."""
        app.router.routes[:] = [route for route in app.router.routes if not _is_foreign(route)]
        app.mount("/static", Files(), name="static")
        app.add_middleware(BrowserSecurity)

    async def close(self) -> None:
        """Release the connections to the services."""
        await self.upstreams.close()

    def _system_router(self) -> APIRouter:
        router = APIRouter(prefix="/api/v1", tags=["system"])

        @router.get("/system")
        async def system() -> dict[str, Any]:
            """What every service says of itself: ready, not_ready or down, and its checks."""
            return await self._checks()

        router.include_router(
            system_router(self.look, self._checks, lambda: about_of(self)), prefix="/system"
        )
        return router

    async def _checks(self) -> dict[str, Any]:
        return {"items": await self.upstreams.readiness(self.health), "next_cursor": None}


def _is_foreign(route: BaseRoute) -> bool:
    return getattr(route, "path", None) in FOREIGN_PAGES
