"""The console as a service: page, live view and forwarding, on one port."""

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar, Final

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from tonewatch.console.auth import Door
from tonewatch.console.auth.first import FirstSignIn
from tonewatch.console.auth.gate import Gate
from tonewatch.console.auth.limiter import TooManyAttemptsError
from tonewatch.console.auth.other_ways import SignInElsewhere
from tonewatch.console.auth.routes import auth_router
from tonewatch.console.auth.routes.sign_in import render_wait
from tonewatch.console.forward import forward_router
from tonewatch.console.live import Hub, Tail, Watchers, live_router
from tonewatch.console.pages import Files, page_router, refusal_page
from tonewatch.console.public_api import public_api_router
from tonewatch.console.security import BrowserSecurity
from tonewatch.console.settings import ConsoleOptions, ConsoleSettings
from tonewatch.console.system import Look, system_router
from tonewatch.console.upstreams import Upstreams
from tonewatch.shared.broker import Broker
from tonewatch.shared.errors import UnavailableError
from tonewatch.shared.logging import get_logger
from tonewatch.shared.runtime import Loop, Service, about_of, wait_for_stop
from tonewatch.shared.streams import ALERTS, SCORES, SESSIONS

FOREIGN_PAGES: Final = frozenset({"/docs", "/docs/oauth2-redirect", "/openapi.json", "/redoc"})
"""FastAPI's documentation pages load scripts from a CDN, which the content policy forbids; its
document knows only a part of the public API."""

HOUSEKEEPING_SECONDS: Final = 3600.0
OPEN_SECONDS: Final = 5.0
"""Longer we do not wait for the database before we serve."""

log = get_logger(__name__)


class ConsoleService(Service[ConsoleSettings]):
    """Serves people and programs: who may in is its own, all else it asks the services for.

    So it works on when anything behind it is away.
    """

    name: ClassVar[str] = "console"
    guards_itself: ClassVar[bool] = True

    def __init__(self, settings: ConsoleSettings, broker: Broker) -> None:
        super().__init__(settings, broker)
        self.hub = Hub(self.metrics, viewer_queue=self.options.viewer_queue)
        self.tails = [Tail(broker, stream, self.hub) for stream in (SESSIONS, SCORES, ALERTS)]
        self.upstreams = Upstreams(self.options, self.token)
        self.look = Look(self.upstreams, broker, self.metrics.render)
        self.door = Door(settings)
        self.other_ways = SignInElsewhere(self.options, self.door)
        self.first = FirstSignIn(
            self.door.accounts, self.door.links, settings.folder, settings.base_url
        )
        self._announced = False
        self.watchers = Watchers(self.hub, self.door.is_still)
        self.health.add("database", self.door.database.ping)

    @property
    def options(self) -> ConsoleOptions:
        """The section `console`."""
        return self.settings.console

    async def open(self) -> None:
        """Let the first admin in; a database that is away now is waited for while we serve."""
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await self._announce()
        except (UnavailableError, TimeoutError) as error:
            reason = str(error) or "no answer"
            log.warning("nobody can sign in until the database is there", reason=reason)

    def loops(self) -> Sequence[Loop]:
        """One reader per stream, the farewell to viewers, and what is too old."""
        return (
            *(tail.run for tail in self.tails),
            self.announce_late,
            self.end_streams,
            self.watchers.end_void,
            self.forget_old,
        )

    async def announce_late(self, _stop: asyncio.Event) -> None:
        """Let the first admin in, if the database was away at the start; asked until it is back."""
        if not self._announced:
            await self._announce()

    async def end_streams(self, stop: asyncio.Event) -> None:
        """End the viewers' streams when the service stops, or the server would wait for them."""
        await stop.wait()
        self.hub.close()

    async def forget_old(self, stop: asyncio.Event) -> None:
        """Remove ended sessions and old entries of the audit log, every hour."""
        while True:
            await self.door.forget_old()
            if await wait_for_stop(stop, HOUSEKEEPING_SECONDS):
                return

    def routers(self) -> Sequence[APIRouter]:
        """Sign-in, pages, live view, system strip, and last (it matches most) the forwarding."""
        live = live_router(
            self.hub, self.watchers, heartbeat_seconds=self.options.heartbeat_seconds
        )
        auth = auth_router(self.door, self.first, self.options.public_url)
        pages = page_router(self.other_ways.provider_name)
        own = (
            *self.other_ways.routers(),
            auth,
            pages,
            live,
            self._system_router(),
            public_api_router(),
        )
        return (*own, forward_router(self.upstreams))

    def extend(self, app: FastAPI) -> None:
        """Static files, the gate before everything, and what browsers must be told."""
        app.router.routes[:] = [route for route in app.router.routes if not _is_foreign(route)]
        app.add_exception_handler(TooManyAttemptsError, render_wait)
        app.mount("/static", Files(), name="static")
        app.add_middleware(
            Gate,
            identify=[*self.other_ways.identify, self.door.identify],
            audit=self.door.audit,
            refuse_page=refusal_page,
        )
        app.add_middleware(BrowserSecurity)
        self.other_ways.extend(app)

    async def close(self) -> None:
        """Release the connections to the services and to the database."""
        await self.upstreams.close()
        await self.other_ways.close()
        await self.door.database.close()

    async def _announce(self) -> None:
        await self.door.database.prepare()
        await self.first.announce()
        self._announced = True

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
