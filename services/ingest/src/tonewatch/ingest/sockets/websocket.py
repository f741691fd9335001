"""The WebSocket routes: one for each protocol, all into the same hub."""

import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Final

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from fastapi.responses import PlainTextResponse

from tonewatch.ingest.sockets.connection import LeftError, Parting
from tonewatch.ingest.sockets.events import Decoder
from tonewatch.ingest.sockets.freeswitch import FreeswitchDecoder
from tonewatch.ingest.sockets.hub import Hub
from tonewatch.ingest.sockets.pcm import PcmDecoder
from tonewatch.ingest.sockets.twilio import TwilioDecoder
from tonewatch.ingest.sources import SourceKind

PREFIX: Final = "/v1/ws"
MOST_REASON_BYTES: Final = 123
"""A close frame holds no more."""
GONE: Final = frozenset({1000, 1001})
BEARER: Final = "bearer "


class WebSocketConnection:
    """One accepted WebSocket."""

    kind: SourceKind = SourceKind.WEBSOCKET

    def __init__(self, websocket: WebSocket, *, talks: bool) -> None:
        self._websocket = websocket
        self._talks = talks
        self.address = _address(websocket)
        self.labels: Mapping[str, str] = dict(websocket.query_params)
        self.key = self.labels.get("key") or _bearer(websocket)

    async def receive(self) -> bytes | str:
        """The next message."""
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise _left(message.get("code"), message.get("reason"))
        binary: bytes | None = message.get("bytes")
        text: str = message.get("text") or ""
        return text if binary is None else binary

    async def welcome(self, session_id: str) -> None:
        """Say which session this is.

        Who sent all and left before we got here does not hear it, but what it sent waits to be
        read; `receive` tells that it is gone when all of it was.
        """
        if self._talks:
            with contextlib.suppress(LeftError):
                await self._send({"type": "started", "session_id": session_id})

    async def part(self, parting: Parting) -> None:
        """Say what was wrong, and close with the same words."""
        reason = parting.reason.encode()[:MOST_REASON_BYTES].decode(errors="ignore")
        try:
            if parting.is_wrong and self._talks:
                await self._send({"type": "error", "message": parting.reason})
            await self._websocket.close(parting.code, reason)
        except (LeftError, WebSocketDisconnect, RuntimeError):
            pass  # the other side was faster

    async def _send(self, message: dict[str, str]) -> None:
        try:
            await self._websocket.send_json(message)
        except WebSocketDisconnect as error:
            raise _left(error.code, error.reason) from error


def socket_routes(hub: Hub) -> APIRouter:
    """The routes; a connection that is one too many gets an HTTP answer instead."""
    router = APIRouter(prefix=PREFIX)
    _hush_server()

    async def take(
        websocket: WebSocket, decoder: Callable[[], Decoder], *, talks: bool = True
    ) -> None:
        refusal = hub.refuse(_address(websocket))
        if refusal is not None:
            answer = PlainTextResponse(refusal.reason, status_code=refusal.status)
            await websocket.send_denial_response(answer)
            return
        await websocket.accept()
        await hub.serve(WebSocketConnection(websocket, talks=talks), decoder())

    @router.websocket("/pcm")
    async def pcm(websocket: WebSocket) -> None:
        await take(websocket, PcmDecoder)

    @router.websocket("/twilio")
    async def twilio(websocket: WebSocket) -> None:
        # Twilio counts every message that it does not know as an error of the call
        await take(websocket, TwilioDecoder, talks=False)

    @router.websocket("/freeswitch")
    async def freeswitch(websocket: WebSocket) -> None:
        await take(websocket, lambda: FreeswitchDecoder(websocket.query_params))

    return router


def _hush_server() -> None:
    """At debug level the server would write every message down: keys, and what people say."""
    server = logging.getLogger("uvicorn.error")
    if server.getEffectiveLevel() < logging.INFO:
        server.setLevel(logging.INFO)


def _address(websocket: WebSocket) -> str:
    return websocket.client.host if websocket.client else "unknown"


def _bearer(websocket: WebSocket) -> str | None:
    header = websocket.headers.get("authorization", "")
    return header[len(BEARER) :].strip() if header.lower().startswith(BEARER) else None


def _left(code: int | None, reason: str | None) -> LeftError:
    """How the other side left; a close frame without a code is told by its having a reason."""
    if code in GONE or (code not in (None, 1006) and reason == ""):
        return LeftError("the sender closed the connection")
    if reason:
        # the sender's words, on their way to logs, pages and databases
        said = "".join(each if each.isprintable() else " " for each in reason)
        return LeftError(f"the connection was closed with code {code}: {said}", lost=True)
    return LeftError("the connection was lost", lost=True)
