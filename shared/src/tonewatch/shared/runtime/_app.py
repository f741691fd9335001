"""The HTTP side of every service: health, readiness, metrics, and one rendering of errors."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from tonewatch.shared.acting import ActingUser
from tonewatch.shared.errors import TonewatchError
from tonewatch.shared.logging import get_logger, scrub
from tonewatch.shared.runtime._about import VERSION, add_about
from tonewatch.shared.runtime._guard import error_response, guard
from tonewatch.shared.runtime._service import Service

log = get_logger(__name__)


def build_app(service: Service[Any]) -> FastAPI:
    """The ASGI application of a service; needs no running server."""
    app = FastAPI(title=f"Tonewatch {service.name}", version=VERSION)
    app.state.service = service
    _add_probes(app, service)
    if not service.guards_itself:  # the console tells it in its support bundle, to admins
        add_about(app, service)
    for router in service.routers():
        app.include_router(router)
    app.add_exception_handler(TonewatchError, _render_error)
    app.add_exception_handler(RequestValidationError, _render_validation)
    app.add_middleware(ActingUser)
    guard(app, service)
    app.middleware("http")(_measure(service))
    service.extend(app)
    return app


def _add_probes(app: FastAPI, service: Service[Any]) -> None:
    @app.post("/health", include_in_schema=False)
    @app.get("/health", tags=["probes"])
    async def health() -> dict[str, str]:
        """Liveness: the process runs and its event loop turns."""
        return {"status": "healthy", "service": service.name, "version": VERSION}

    @app.get("/ready", tags=["probes"])
    async def ready() -> JSONResponse:
        """Readiness: every named check, and 503 if one of them fails."""
        checks = await service.health.run()
        ok = all(check.ok for check in checks.values())
        body = {
            "status": "ready" if ok else "not ready",
            "checks": {name: check.model_dump() for name, check in checks.items()},
        }
        return JSONResponse(body, status_code=200 if ok else 503)

    @app.get("/metrics", tags=["probes"], include_in_schema=False)
    async def metrics() -> Response:
        """Prometheus text format."""
        return Response(service.metrics.render(), media_type="text/plain; version=0.0.4")


async def _render_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TonewatchError)  # noqa: S101 - registered for this type only
    return error_response(error)


async def _render_validation(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type only
    problems = [
        f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()
    ]
    body = {"error": "InvalidInputError", "detail": scrub("; ".join(problems))}
    return JSONResponse(body, status_code=422)


def _measure(
    service: Service[Any],
) -> Callable[[Request, Callable[[Request], Awaitable[Response]]], Awaitable[Response]]:
    async def middleware(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        started = time.perf_counter()
        response = await call_next(request)
        route = getattr(request.scope.get("route"), "path", "unmatched")
        service.metrics.observe("http_seconds", time.perf_counter() - started, route=route)
        service.metrics.count(
            "http_requests_total",
            method=request.method,
            route=route,
            status=str(response.status_code),
        )
        return response

    return middleware
