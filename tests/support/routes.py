"""Every route of an application, those of included routers too."""

from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import FastAPI

SOCKET = "WEBSOCKET"


def routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Method (SOCKET for a WebSocket's) and path of each."""
    for route in app.routes:
        contexts = getattr(route, "effective_route_contexts", None)
        found: Iterable[Any] = contexts() if contexts else [route]
        for each in found:
            # FastAPI gives the context of a WebSocket route neither
            original = getattr(each, "original_route", each)
            path = each.path or original.path
            for method in getattr(original, "methods", None) or {SOCKET}:
                yield method, path
