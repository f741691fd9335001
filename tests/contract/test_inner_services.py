"""The inner services answer only who shows the suite's own token, whatever of them is asked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr

from tests.support.routes import SOCKET, routes
from tonewatch.alerting.service import AlertingService
from tonewatch.alerting.settings import AlertingSettings
from tonewatch.inference.service import InferenceService
from tonewatch.inference.settings import InferenceSettings
from tonewatch.ingest.service import IngestService
from tonewatch.ingest.settings import IngestSettings
from tonewatch.shared.broker import Broker, MemoryBroker
from tonewatch.shared.http import ASGITransport, AsyncClient
from tonewatch.shared.runtime import Service, build_app
from tonewatch.storage.service import StorageService
from tonewatch.storage.settings import StorageSettings

Make = Callable[[dict[str, Any], Broker], Service[Any]]

TOKEN: Final = SecretStr("the-token-of-this-suite")
OPEN: Final = {"/health", "/ready", "/metrics"}
KEYED: Final = {
    *("/internal/rtmp/on_publish", "/internal/rtmp/on_update", "/internal/rtmp/on_publish_done"),
    *("/internal/rtmp/on_play", "/internal/rtmp/auth"),
    *("/v1/ws/pcm", "/v1/ws/twilio", "/v1/ws/freeswitch"),
}
"""What asks for a stream key of its own."""

SERVICES: Final[dict[str, Make]] = {
    "ingest": lambda common, broker: IngestService(IngestSettings(**common), broker),
    "inference": lambda common, broker: InferenceService(InferenceSettings(**common), broker),
    "alerting": lambda common, broker: AlertingService(AlertingSettings(**common), broker),
    "storage": lambda common, broker: StorageService(StorageSettings(**common), broker),
}


@pytest.fixture(params=SERVICES)
async def service(
    request: pytest.FixtureRequest, tmp_path: Path, memory_broker: MemoryBroker
) -> Service[Any]:
    """Each inner service in turn, with a token, not opened."""
    return SERVICES[request.param]({"data_dir": tmp_path, "token": TOKEN}, memory_broker)


async def test_every_route_but_probes_and_doors_asks_for_the_token(service: Service[Any]) -> None:
    app = build_app(service)
    found = {(method, path) for method, path in routes(app) if method != SOCKET}
    assert any(path.startswith("/v1/") for _, path in found)
    async with AsyncClient(transport=ASGITransport(app), base_url="http://inner") as client:
        for method, path in found:
            if path in OPEN or path in KEYED:
                continue
            for headers in ({}, {"Authorization": "Bearer tw_a-key_of-the-console"}):
                answer = await client.request(method, path, headers=headers)
                assert answer.status_code == 401, (method, path)
    await service.close()


async def test_the_doors_are_those_of_ingest(service: Service[Any]) -> None:
    app = build_app(service)
    paths = {path for _, path in routes(app)}
    assert paths & KEYED == (KEYED if service.name == "ingest" else set())
    below = {path for path in paths if path.startswith(service.open_paths)}
    assert below == (KEYED if service.name == "ingest" else set())
    await service.close()
