"""/v1/silences: for a while, nobody is told of the alerts that match."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter

from tonewatch.alerting.notices.silences import NewSilence, Silences, shown_silence


def silences_router(silences: Silences, on_change: Callable[[], None]) -> APIRouter:
    """The routes of the silences; `on_change` is called when one may have ended."""
    router = APIRouter(prefix="/v1/silences", tags=["silences"])

    @router.get("")
    async def list_silences(*, expired: bool = True) -> dict[str, Any]:
        """Silences, those that end last first."""
        rows = await silences.list(with_ended=expired)
        return {"items": list(map(shown_silence, rows)), "next_cursor": None}

    @router.post("", status_code=201)
    async def add_silence(new: NewSilence) -> dict[str, Any]:
        """Make a silence."""
        return shown_silence(await silences.add(new))

    @router.get("/{silence_id}")
    async def show_silence(silence_id: str) -> dict[str, Any]:
        """One silence."""
        return shown_silence(await silences.get(silence_id))

    @router.put("/{silence_id}")
    async def change_silence(silence_id: str, new: NewSilence) -> dict[str, Any]:
        """Change a silence that has not ended."""
        row = await silences.replace(silence_id, new)
        on_change()
        return shown_silence(row)

    @router.delete("/{silence_id}")
    async def expire_silence(silence_id: str) -> dict[str, Any]:
        """End a silence now; it stays in the list, and what still fires is told."""
        row = await silences.expire(silence_id)
        on_change()
        return shown_silence(row)

    return router
