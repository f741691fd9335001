"""Small stand-ins for ingest, storage, alerting and inference, for tests of the console.

They answer the routes the console's page asks for, over real HTTP, with data that looks real.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from tests.support.fake_answers import ALL_TIME, RECORDING, SEGMENTS, summary, timeline_item
from tests.support.running import running_together
from tonewatch.shared.broker import MemoryBroker
from tonewatch.shared.errors import InvalidInputError, NotFoundError, TooLargeError
from tonewatch.shared.ids import new_id
from tonewatch.shared.runtime import Service
from tonewatch.shared.settings import ServiceOptions, Settings
from tonewatch.storage.listening._live import wav_head


class _FakeSettings(Settings):
    fake: ServiceOptions = ServiceOptions(port=0)


class _FakeService(Service[_FakeSettings]):
    """One service that serves a given router."""

    name: ClassVar[str] = "fake"

    def __init__(self, router: APIRouter) -> None:
        super().__init__(_FakeSettings(), MemoryBroker(partitions=1))
        self._router = router

    def routers(self) -> list[APIRouter]:
        return [self._router]


@dataclass
class FakeSuite:
    """What the stand-ins hold, and what they were sent."""

    urls: dict[str, str] = field(default_factory=dict)
    uploads: list[dict[str, Any]] = field(default_factory=list)
    polls: dict[str, int] = field(default_factory=dict)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    sources: list[dict[str, Any]] = field(default_factory=list)
    rules: dict[str, Any] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    sessions: list[dict[str, Any]] = field(default_factory=list)
    timelines: dict[str, dict[str, Any]] = field(default_factory=dict)
    found: list[dict[str, Any]] = field(default_factory=list)
    trend: list[dict[str, Any]] = field(default_factory=list)
    precision: list[dict[str, Any]] = field(default_factory=list)
    heat: list[dict[str, Any]] = field(default_factory=list)
    clip: bytes = b""
    heard: list[str] = field(default_factory=list)
    """Whom one may listen to."""
    is_silent: bool = False
    """Their audio is gone all the same."""
    hangs: bool = False
    """Who asks for deliveries waits for ever."""
    listeners: int = 0
    largest_upload: int = 10**12
    embeddings_late: int = 0
    """How many questions are asked before the embeddings of a recording are there."""
    on_chunk: Callable[[int], None] = lambda _size: None

    def console_options(self) -> dict[str, Any]:
        """The console's section of the settings, pointing here."""
        return {"port": 0, **{f"{name}_url": url for name, url in self.urls.items()}}


@asynccontextmanager
async def fake_suite() -> AsyncIterator[FakeSuite]:
    """All four stand-ins at work on free ports."""
    suite = FakeSuite()
    routers = {
        "ingest": _ingest(suite),
        "storage": _storage(suite),
        "alerting": _alerting(suite),
        "inference": _inference(),
    }
    services = {name: _FakeService(router) for name, router in routers.items()}
    async with running_together(services) as suite.urls:
        yield suite


def _ingest(suite: FakeSuite) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.post("/audio", status_code=202)
    async def upload(request: Request) -> dict[str, Any]:
        size, head, tail = 0, b"", b""
        async for chunk in request.stream():
            size += len(chunk)
            head, tail = (head + chunk)[:2000], (tail + chunk)[-2000:]
            if size > suite.largest_upload:
                raise TooLargeError(f"the file is larger than {suite.largest_upload} bytes")
            suite.on_chunk(size)
        if b"no audio" in head:
            raise InvalidInputError("the file holds no audio stream; upload a recording")
        name = re.search(rb'filename="([^"]+)"', head)
        answer = {
            "session_id": new_id(),
            "source_id": "upload-1",
            "name": name[1].decode() if name else "",
            "state": "publishing",
        }
        labels = re.search(rb'name="labels"\r\n\r\n([^\r]*)', tail)
        known = json.loads(labels[1]) if labels else {}
        suite.uploads.append({**answer, "bytes": size, "labels": known})
        return answer

    @router.get("/audio/{session_id}")
    async def uploaded(session_id: str) -> dict[str, Any]:
        return {
            "session_id": session_id,
            "state": "published",
            "frames": len(RECORDING),
            "duration_seconds": len(RECORDING),
            "error": None,
        }

    @router.get("/sources")
    async def sources() -> dict[str, Any]:
        return {"items": suite.sources, "next_cursor": None}

    @router.post("/sources", status_code=201)
    async def add(request: Request) -> dict[str, Any]:
        wish = await request.json()
        source = {"id": new_id(), "labels": {}, "state": "idle", "reason": "", "url": None, **wish}
        suite.sources.append(source)
        if wish["kind"] != "rtmp":
            return source
        return {**source, "stream_key": "k-123", "publish_url": "rtmp://localhost/live"}

    @router.delete("/sources/{source_id}", status_code=204)
    async def remove(source_id: str) -> Response:
        suite.requests.append(("DELETE", source_id))
        return Response(status_code=204)

    return router


def _storage(suite: FakeSuite) -> APIRouter:
    router = APIRouter(prefix="/v1")
    for more in (_history(suite), _kept(suite), _voices(suite)):
        router.include_router(more)

    @router.get("/sessions/{session_id}")
    async def session(session_id: str) -> dict[str, Any]:
        known = [each for each in suite.sessions if each["session_id"] == session_id]
        if known:
            return known[0]
        uploads = {upload["session_id"]: upload for upload in suite.uploads}
        if session_id not in uploads:
            raise NotFoundError(f"there is no session {session_id}")
        polls = suite.polls[session_id] = suite.polls.get(session_id, 0) + 1
        done = min(len(RECORDING), 12 * polls)
        whole = done == len(RECORDING)
        labels = {"labels": uploads[session_id]["labels"]}
        return summary(session_id, RECORDING[:done], complete=whole) | labels

    @router.get("/sessions/{session_id}/timeline")
    async def timeline(session_id: str, speaker: str | None = None) -> dict[str, Any]:
        if known := suite.timelines.get(session_id):
            items = [each for each in known["items"] if speaker in {None, each["speaker"]}]
            return {**known, "items": items}
        done = min(len(RECORDING), 12 * suite.polls.get(session_id, 0))
        items = [timeline_item(seq, emotion) for seq, emotion in enumerate(RECORDING[:done])]
        return {"session_id": session_id, "items": items, "gaps": [], "next_cursor": None}

    @router.get("/sessions/{session_id}/segments")
    async def segments(session_id: str, from_seq: int) -> dict[str, Any]:
        found = [s | {"speaker": "mixed"} for s in SEGMENTS if s["start_seconds"] >= from_seq]
        return {"session_id": session_id, "items": found[:1], "next_seq": 2 if found[1:] else None}

    @router.get("/records")
    async def records(session_id: str, granularity: str) -> dict[str, Any]:
        item = timeline_item(3, "angry") | {"start_ms": 1240, "end_ms": 4_900}
        item |= {"session_id": session_id, "granularity": granularity}
        return {"items": [item], "next_cursor": None}

    return router


def _kept(suite: FakeSuite) -> APIRouter:
    router = APIRouter()

    @router.get("/alerts")
    async def alerts(request: Request) -> dict[str, Any]:
        suite.requests.append(("GET", request.url.query))
        return {"items": suite.alerts, "next_cursor": None}

    @router.get("/alerts/{alert_id}")
    async def alert(alert_id: str) -> dict[str, Any]:
        for each in suite.alerts:
            if each["alert_id"] == alert_id:
                return {"clip": None, **each}
        raise NotFoundError(f"there is no alert {alert_id}")

    @router.get("/alerts/{alert_id}/clip")
    async def clip(alert_id: str) -> Response:
        return Response(suite.clip, media_type="audio/wav")

    @router.get("/export/records")
    async def export(request: Request) -> Response:
        suite.requests.append(("GET", request.url.query))
        return Response("\ufeffsession_id,emotion\r\n", media_type="text/csv")

    return router


def _voices(suite: FakeSuite) -> APIRouter:
    router = APIRouter()

    @router.get("/sessions/{session_id}/similar")
    async def similar(session_id: str) -> dict[str, Any]:
        if suite.embeddings_late > 0:
            suite.embeddings_late -= 1
            raise NotFoundError(f"session {session_id} has no embeddings")
        items = [{"similarity": 0.93, "utterances": 4, "session": each} for each in suite.sessions]
        return {"items": items}

    @router.get("/sessions/{session_id}/listening")
    async def listening(session_id: str) -> dict[str, Any]:
        return {"speakers": suite.heard, "session_id": session_id}

    @router.get("/sessions/{session_id}/audio")
    async def audio(request: Request, session_id: str) -> Response:
        suite.requests.append(("GET", f"{session_id}/audio?{request.url.query}"))
        if suite.is_silent:
            raise NotFoundError(f"there is no session {session_id}")
        return StreamingResponse(_endless_wav(suite), media_type="audio/wav")

    @router.get("/sessions/{session_id}/embeddings")
    async def embeddings(session_id: str) -> Response:
        suite.requests.append(("GET", f"{session_id}/embeddings"))
        return Response(b"PK", media_type="application/zip")

    return router


async def _endless_wav(suite: FakeSuite) -> AsyncIterator[bytes]:
    suite.listeners += 1
    try:
        yield wav_head()
        while True:
            yield bytes(3200)
            await asyncio.sleep(0.1)
    finally:
        suite.listeners -= 1


def _history(suite: FakeSuite) -> APIRouter:
    router = APIRouter()

    @router.get("/sessions")
    async def sessions(request: Request) -> dict[str, Any]:
        suite.requests.append(("GET", request.url.query))
        return {"items": suite.sessions, "next_cursor": None}

    @router.get("/segments")
    @router.get("/search")
    async def search(request: Request) -> dict[str, Any]:
        suite.requests.append(("GET", request.url.query))
        return {"items": suite.found, "next_cursor": None}

    @router.get("/stats/emotions")
    async def emotions(request: Request) -> dict[str, Any]:
        suite.requests.append(("GET", request.url.query))
        shares = [("neutral", 60, 0.6), ("angry", 30, 0.3), ("no_speech", 10, 0.1)]
        items = [{"emotion": name, "seconds": n, "share": share} for name, n, share in shares]
        return {"items": items, "total": 100, "speech_seconds": 90, **ALL_TIME}

    @router.get("/stats/agents")
    async def agents() -> dict[str, Any]:
        item = {"agent_id": "A1207", "speech_seconds": 90, "share": 0.25, "alerts": 3}
        return {"items": [item], **ALL_TIME}

    @router.get("/stats/trend")
    async def trend(request: Request) -> dict[str, Any]:
        suite.requests.append(("GET", request.url.query))
        return {"items": suite.trend, **ALL_TIME}

    @router.get("/stats/heatmap")
    async def heat_map(request: Request) -> dict[str, Any]:
        suite.requests.append(("GET", request.url.query))
        return {"items": suite.heat, **ALL_TIME}

    @router.get("/stats/alerts")
    async def precision() -> dict[str, Any]:
        return {"items": suite.precision, **ALL_TIME}

    return router


def _alerting(suite: FakeSuite) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.post("/alerts/{alert_id}/acknowledge")
    async def acknowledge(request: Request, alert_id: str) -> Response:
        held = {"alert_id": alert_id, "if_match": request.headers.get("if-match")}
        return JSONResponse(held, headers={"etag": '"2"'})

    @router.get("/rules")
    async def rules() -> dict[str, Any]:
        return {"rules": [], "warnings": [], "last_error": None, "loaded_at": None, **suite.rules}

    @router.get("/rules/precision")
    async def precision() -> dict[str, Any]:
        return {"items": []}

    @router.get("/rules/{name}")
    async def rule(name: str) -> dict[str, Any]:
        return {"name": name}

    @router.get("/deliveries")
    async def deliveries() -> JSONResponse:
        if suite.hangs:
            await asyncio.sleep(60)
        return JSONResponse({"items": []})

    return router


def _inference() -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.get("/engine")
    async def engine() -> dict[str, Any]:
        named = {"engine": "compact", "model": "compact", "device": "cpu"}
        return {**named, "revision": "1", "ready": True, "detail": "loaded"}

    return router
