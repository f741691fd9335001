"""The HTTP API: which engine answers, and how it is."""

from fastapi import APIRouter

from tonewatch.inference.host import EngineHost, EngineState


def engine_router(host: EngineHost) -> APIRouter:
    """GET /v1/engine."""
    router = APIRouter(prefix="/v1", tags=["engine"])

    @router.get("/engine")
    async def engine() -> EngineState:
        """Name, model, revision and device of the engine; `detail` says what it is doing."""
        return host.state()

    return router
