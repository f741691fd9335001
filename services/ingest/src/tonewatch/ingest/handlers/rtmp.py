"""The questions of an RTMP server: may this client publish, or play, and is it gone?

nginx-rtmp posts its own fields first and then those of the client's query string, so the first
value of a name is nginx's own; a client cannot put another connection's number in its place.
"""

import math
import re
from typing import Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from tonewatch.ingest.live import Door
from tonewatch.shared.errors import ForbiddenError

PREFIX: Final = "/internal/rtmp"
_NAME: Final = re.compile(r"[\w.~:-]{0,128}", re.ASCII)
"""Of streams and connections: they go into URLs and the database, and are no user's to choose."""


class MediaMtxCall(BaseModel):
    """What MediaMTX asks (its `authHTTPAddress`): who wants to do what with which path."""

    model_config = ConfigDict(extra="ignore")

    action: str
    path: str = ""
    query: str = ""
    id: str | None = None
    password: str = ""
    token: str = ""


def rtmp_routes(door: Door) -> APIRouter:
    """The callbacks of nginx-rtmp; not part of the public API."""
    router = APIRouter(prefix=PREFIX, include_in_schema=False)

    @router.post("/on_publish")
    async def on_publish(request: Request) -> Response:
        """Admit by key: `key` in the query, else the stream's name; the answer renames it."""
        fields = await _fields(request)
        key = fields.get("key") or fields.get("name", "")
        stream = await door.publish(_name(fields.get("clientid", "")), key, fields)
        # nginx-rtmp takes a relative Location as the stream's new name
        return Response(status_code=302, headers={"Location": stream})

    @router.post("/on_update")
    async def on_update(request: Request) -> Response:
        """A publisher or player goes on; a refusal makes nginx-rtmp drop it."""
        fields = await _fields(request)
        if fields.get("call") == "update_publish":
            await door.update(fields.get("clientid", ""), _seconds(fields.get("time", "")))
        return Response(status_code=204)

    @router.post("/on_publish_done")
    async def on_publish_done(request: Request) -> Response:
        """A publisher is gone."""
        await door.left((await _fields(request)).get("clientid", ""))
        return Response(status_code=204)

    @router.post("/on_play")
    async def on_play(request: Request) -> Response:
        """Only ingest plays."""
        fields = await _fields(request)
        await door.check_player(fields.get("token", ""), fields.get("name", ""))
        return Response(status_code=204)

    @router.post("/auth")
    async def authenticate(call: MediaMtxCall) -> Response:
        """MediaMTX's HTTP authentication: publishers by key, players by ingest's own token.

        It cannot rename a stream, so the key must not be its name: it comes in the query.
        """
        query = dict(parse_qsl(call.query))
        if call.action == "publish":
            key = query.get("key", call.password)
            name = _name(call.path.rpartition("/")[2])
            await door.publish(_name(f"mediamtx:{call.id}"), key, query, stream=name)
        elif call.action == "read":
            stream = call.path.rpartition("/")[2]
            await door.check_player(query.get("token", call.token), stream)
        else:
            raise ForbiddenError("ingest admits publishers and itself, nobody else")
        return Response(status_code=204)

    return router


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ForbiddenError("a stream's name may hold letters, digits and . _ ~ - only")
    return text


def _seconds(text: str) -> float:
    """How long nginx-rtmp has had a connection; more than any wait if it does not say."""
    return float(text) if text.isascii() and text.isdecimal() else math.inf


async def _fields(request: Request) -> dict[str, str]:
    fields: dict[str, str] = {}
    async with request.form() as form:
        for name, value in form.multi_items():
            if isinstance(value, str):  # a file is no answer to anything
                fields.setdefault(name, value)
    return fields
