"""The public API's document before the real services: all of it answers, and nothing fails."""

import asyncio
import functools
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.fuzzing import ask_everything
from tests.support.running import running
from tests.support.services import real_services
from tests.support.signed_in import api_key, bearer
from tonewatch.console.service import ConsoleService
from tonewatch.console.settings import ConsoleSettings
from tonewatch.shared.broker import MemoryBroker
from tonewatch.shared.http import create_client

DOCUMENT = "/api/v1/openapi.json"
ENDLESS = ["/api/v1/events", "/api/v1/sources/events"]
REFUSED = {401, 403, 405}
NOT_FOR_KEYS = ("/api/v1/auth/password", "/api/v1/auth/sessions", "/api/v1/auth/sign-in")
"""About somebody's password, which a key has not."""
NO_ROUTE = {"detail": "Not Found"}
"""What the framework says of a path that nobody serves; our own words come with an `error`."""


@dataclass
class Door:
    """A console before the real services, and who asks."""

    base: str
    headers: dict[str, str]


@pytest.fixture
async def door(memory_broker: MemoryBroker, tmp_path: Path, ffmpeg: str) -> AsyncIterator[Door]:
    # sources may be added, but none of them pulls anything
    quiet: dict[str, Any] = {"pull_protocols": []}
    async with real_services(memory_broker, tmp_path, ffmpeg, ingest=quiet) as options:
        settings = ConsoleSettings.model_validate({"data_dir": tmp_path, "console": options})
        service = ConsoleService(settings, memory_broker)
        async with running(service) as base:
            yield Door(base, bearer(await api_key(service.door)))


async def test_every_path_of_the_document_is_answered(door: Door) -> None:
    async with create_client(base_url=door.base) as client:
        client.headers.update(door.headers)
        document: dict[str, Any] = (await client.get(DOCUMENT)).json()
        asked = 0
        for template, item in document["paths"].items():
            path = re.sub(r"\{\w+\}", "7", template)
            for method in item:
                if template in ENDLESS:
                    continue
                answer = await client.request(method, path)
                told = answer.json() if "json" in answer.headers.get("content-type", "") else None
                if not template.startswith(NOT_FOR_KEYS):
                    assert answer.status_code not in REFUSED, (method, template, told)
                assert answer.status_code < 500, (method, template, told)
                assert told != NO_ROUTE, (method, template)
                asked += 1
    assert asked > 80


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore")  # of schemathesis and what it uses
async def test_no_request_makes_the_public_api_fail(door: Door) -> None:
    ask = functools.partial(
        ask_everything,
        door.base,
        document=DOCUMENT,
        headers=door.headers,
        examples=6,
        leave_out=ENDLESS,
    )
    answers = await asyncio.to_thread(ask)
    refused = {operation.split()[1] for operation, status in answers if status in REFUSED}
    assert [path for path in refused if not path.startswith(NOT_FOR_KEYS)] == []
    assert answers["GET /api/v1/sessions", 200] > 0
    assert answers["GET /api/v1/inbox", 200] > 0
    assert answers["POST /api/v1/rules/validate", 200] > 0
