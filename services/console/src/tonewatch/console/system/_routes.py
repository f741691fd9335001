"""Below /api/v1/system: figures and bundle."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from tonewatch.console.system._bundle import bundle
from tonewatch.console.system._look import Look
from tonewatch.shared.clock import utc_now


def system_router(
    look: Look, checks: Callable[[], Awaitable[Any]], about: Callable[[], dict[str, Any]]
) -> APIRouter:
    """The routes; `checks` asks every service whether it is ready, `about` is the console's own."""
    router = APIRouter(tags=["system"])

    @router.get("/figures")
    async def figures() -> dict[str, Any]:
        """Throughput, lag, engine, disk, memory and versions over all services."""
        return await look.figures()

    @router.get("/bundle", response_class=Response)
    async def support_bundle() -> Response:
        """A ZIP file for whoever helps: versions, settings, checks, figures; no secrets."""
        content = await bundle(look, await checks(), about())
        name = f"tonewatch-support-{utc_now():%Y%m%d-%H%M%S}.zip"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(content, media_type="application/zip", headers=headers)

    return router
