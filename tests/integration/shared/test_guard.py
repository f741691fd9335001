"""Who is answered by a service: the probes anybody, all else who shows the suite's own token."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import pytest
from fastapi import APIRouter, WebSocket
from pydantic import Field, SecretStr
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.support.running import running
from tonewatch.shared.broker import MemoryBroker
from tonewatch.shared.errors import ConfigurationError
from tonewatch.shared.http import create_client
from tonewatch.shared.runtime import Service, serving
from tonewatch.shared.settings import Port, ServiceOptions, Settings

TOKEN: Final = "the-token-of-this-suite"
WRONG: Final[tuple[Mapping[str, Any], ...]] = (
    {},
    {"Authorization": "Bearer the-token-of-that-suite"},
    {"Authorization": f"Bearer {TOKEN}x"},
    {"Authorization": f"Bearer {TOKEN[:-1]}"},
    {"Authorization": "Bearer"},
    {"Authorization": f"Basic {TOKEN}"},
    {"Authorization": TOKEN},
    {"Authorization": b"Bearer \xff\xfe"},
    {"X-Authorization": f"Bearer {TOKEN}"},
)


class Options(ServiceOptions):
    port: Port = 0


class SampleSettings(Settings):
    section: ClassVar[str] = "ingest"
    ingest: Options = Field(default_factory=Options)


class Sample(Service[SampleSettings]):
    name = "ingest"
    open_paths: ClassVar[tuple[str, ...]] = ("/door/", "/bell")

    def routers(self) -> Sequence[APIRouter]:
        router = APIRouter()

        @router.api_route("/secret", methods=["GET", "POST", "DELETE"])
        @router.get("/door/7")
        @router.get("/bell")
        @router.get("/bells")
        async def answer() -> str:
            return "answered"

        @router.websocket("/socket")
        @router.websocket("/door/socket")
        async def talk(websocket: WebSocket) -> None:
            await websocket.accept()
            await websocket.send_text("hello")
            await websocket.close()

        return [router]


class Guarded(Sample):
    guards_itself = True


def make(
    broker: MemoryBroker, token: str | None = TOKEN, kind: type[Sample] = Sample, host: str = ""
) -> Sample:
    options = Options(host=host) if host else Options()
    secret = None if token is None else SecretStr(token)
    return kind(SampleSettings(token=secret, ingest=options), broker)


@pytest.mark.parametrize("headers", WRONG, ids=str)
async def test_who_does_not_show_the_token_is_told_so_in_the_usual_form(
    memory_broker: MemoryBroker, headers: Mapping[str, Any]
) -> None:
    async with running(make(memory_broker)) as url, create_client(base_url=url) as client:
        for method in ("GET", "POST", "DELETE"):
            refused = await client.request(method, "/secret", headers=headers)
            assert refused.status_code == 401
            assert refused.headers["WWW-Authenticate"] == "Bearer"
            assert refused.json()["error"] == "UnauthorizedError"
            assert "TONEWATCH_TOKEN" in refused.json()["detail"]
            assert TOKEN not in refused.text


@pytest.mark.parametrize("path", ["/nowhere", "/docs", "/openapi.json", "/health/", "/bells"])
async def test_what_is_there_is_not_told_without_the_token(
    memory_broker: MemoryBroker, path: str
) -> None:
    async with running(make(memory_broker)) as url, create_client(base_url=url) as client:
        assert (await client.get(path)).status_code == 401


async def test_a_client_with_the_token_is_answered(memory_broker: MemoryBroker) -> None:
    service = make(memory_broker)
    async with (
        running(service) as url,
        create_client(base_url=url, token=SecretStr(TOKEN)) as client,
    ):
        assert (await client.get("/secret")).json() == "answered"
        lower = {"authorization": f"bearer {TOKEN}"}
        assert (await client.get("/secret", headers=lower)).status_code == 200
        assert (await client.get("/nowhere")).status_code == 404


async def test_probes_and_open_paths_are_open_and_refusals_are_counted(
    memory_broker: MemoryBroker,
) -> None:
    async with running(make(memory_broker)) as url, create_client(base_url=url) as client:
        for path in ("/health", "/ready", "/metrics", "/door/7", "/bell"):
            assert (await client.get(path)).status_code == 200, path
        assert (await client.post("/health")).status_code == 200
        assert (await client.get("/door/../secret")).status_code == 401
        assert (await client.get("/door/%2e%2e/secret")).status_code == 404
        counted = (await client.get("/metrics")).text
    assert 'http_requests_total{method="GET",route="unmatched",status="401"} 1.0' in counted


async def test_a_websocket_is_refused_before_it_is_accepted(memory_broker: MemoryBroker) -> None:
    async with running(make(memory_broker)) as url:
        base = url.replace("http:", "ws:")
        with pytest.raises(InvalidStatus) as caught:
            async with connect(f"{base}/socket"):
                pass
        assert caught.value.response.status_code == 401
        assert b"UnauthorizedError" in caught.value.response.body
        async with connect(f"{base}/door/socket") as socket:
            assert await socket.recv() == "hello"
        shown = {"Authorization": f"Bearer {TOKEN}"}
        async with connect(f"{base}/socket", additional_headers=shown) as socket:
            assert await socket.recv() == "hello"


async def test_without_a_token_this_machine_is_answered(memory_broker: MemoryBroker) -> None:
    service = make(memory_broker, token=None)
    async with running(service) as url, create_client(base_url=url) as client:
        assert (await client.get("/secret")).status_code == 200


async def test_a_service_that_guards_itself_asks_for_no_token(memory_broker: MemoryBroker) -> None:
    service = make(memory_broker, kind=Guarded)
    async with running(service) as url, create_client(base_url=url) as client:
        assert (await client.get("/secret")).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "ingest.example"])
async def test_other_machines_are_not_answered_without_a_token(
    memory_broker: MemoryBroker, host: str
) -> None:
    service = make(memory_broker, token=None, host=host)
    with pytest.raises(ConfigurationError, match="TONEWATCH_TOKEN_FILE") as caught:
        async with serving(service, asyncio.Event()):
            pass
    assert host in caught.value.message


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "localhost"])
async def test_loopback_needs_none(memory_broker: MemoryBroker, host: str) -> None:
    async with serving(make(memory_broker, token=None, host=host), asyncio.Event()) as port:
        assert port


@pytest.mark.parametrize(("token", "kind"), [(TOKEN, Sample), (None, Guarded)])
async def test_with_a_token_or_a_guard_of_its_own_a_service_answers_other_machines(
    memory_broker: MemoryBroker, token: str | None, kind: type[Sample]
) -> None:
    async with serving(make(memory_broker, token, kind, "0.0.0.0"), asyncio.Event()) as port:
        assert port
