"""The questions of nginx-rtmp: may this client publish, or play, and is it gone?

nginx-rtmp posts its own fields first and then those of the client's query string, so the first
value of a name is nginx's own; a client cannot put another connection's number in its place.
"""

from typing import Any

from fastapi import APIRouter, Request, Response

from tonewatch.ingest.live import Door


def rtmp_routes(door: Door) -> APIRouter:
    """The callbacks of nginx-rtmp; not part of the public API."""
    router = APIRouter(prefix="/internal/rtmp", include_in_schema=False)

    @router.post("/on_publish")
    async def on_publish(request: Request) -> Response:
        """Admit by key: `key` in the query, else the stream's name; the answer renames it."""
        fields = await _fields(request)
        key = fields.get("key") or fields.get("name", "")
        stream = await door.publish(fields.get("clientid", ""), key)
        # nginx-rtmp takes a relative Location as the stream's new name
        return Response(status_code=302, headers={"Location": stream})

    @router.post("/on_update")
    async def on_update(request: Request) -> Response:
        """A publisher or player goes on; a refusal makes nginx-rtmp drop it."""
        fields = await _fields(request)
        if fields.get("call") == "update_publish":
            await door.update(fields.get("clientid", ""))
        return Response(status_code=204)

    @router.post("/on_publish_done")
    async def on_publish_done(request: Request) -> Response:
        """A publisher is gone."""
        await door.left((await _fields(request)).get("clientid", ""))
        return Response(status_code=204)

    @router.post("/on_play")
    async def on_play(request: Request) -> Response:
        """Only ingest plays."""
        door.check_player((await _fields(request)).get("token", ""))
        return Response(status_code=204)

    return router


async def _fields(request: Request) -> dict[str, str]:
    form = await request.form()
    fields: dict[str, Any] = {}
    for name, value in form.multi_items():
        fields.setdefault(name, value)
    return fields
