"""GET /v1/alerts/{alert_id}/clip: the audio around an alert."""

import re
from typing import Annotated, Final

from fastapi import APIRouter, Header, Response

from tonewatch.storage.api.alerts import require_alert
from tonewatch.storage.api.parameters import Key
from tonewatch.storage.api.views import PRIVATE
from tonewatch.storage.database import Database
from tonewatch.storage.evidence import Clips

_RANGE: Final = re.compile(r"bytes=(\d{0,12})-(\d{0,12})", re.ASCII)
PARTIAL: Final = 206
UNSATISFIABLE: Final = 416


def build_router(database: Database, clips: Clips) -> APIRouter:
    """The route over these clips."""
    router = APIRouter(tags=["alerts"])

    @router.get(
        "/alerts/{alert_id}/clip",
        response_class=Response,
        responses={
            200: {"content": {"audio/flac": {}}},
            PARTIAL: {"content": {"audio/flac": {}}},
            404: {"description": "There is no such alert, or no clip of it; says why"},
            UNSATISFIABLE: {"description": "The range lies behind the end"},
        },
    )
    async def show_clip(
        alert_id: Key, asked: Annotated[str | None, Header(alias="range")] = None
    ) -> Response:
        """The clip as FLAC, or a part of it (`Range: bytes=0-999`), for players that seek."""
        async with database.read() as session:
            await require_alert(session, alert_id)
        return _answer(await clips.read(alert_id), asked)

    return router


def _answer(clip: bytes, asked: str | None) -> Response:
    headers = {**PRIVATE, "Accept-Ranges": "bytes"}
    match = _RANGE.fullmatch(asked) if asked else None
    if match is None or match.groups() == ("", ""):
        # RFC 9110: a range that is not understood is as if it had not been asked for
        return Response(clip, media_type="audio/flac", headers=headers)
    first, last = _bounds(match[1], match[2], len(clip))
    if first >= len(clip) or first > last:
        headers["Content-Range"] = f"bytes */{len(clip)}"
        return Response(status_code=UNSATISFIABLE, headers=headers)
    headers["Content-Range"] = f"bytes {first}-{last}/{len(clip)}"
    part = clip[first : last + 1]
    return Response(part, status_code=PARTIAL, media_type="audio/flac", headers=headers)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """The bytes that are meant; `-500` are the last 500."""
    if not first:
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1
