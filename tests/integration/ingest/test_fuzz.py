"""Whatever a caller sends, the API of ingest answers, and never with a failure of its own."""

import asyncio
import functools

import pytest

from tests.integration.ingest.conftest import MakeIngest
from tests.support.fuzzing import ask_everything
from tests.support.running import running

ENDLESS = "/v1/sources/events"


@pytest.mark.filterwarnings("ignore")  # of schemathesis and what it uses
async def test_no_request_makes_the_service_fail(make_ingest: MakeIngest) -> None:
    # sources may be added, but none of them pulls anything
    service = make_ingest(pull_protocols=[])
    async with running(service) as base:
        ask = functools.partial(ask_everything, leave_out=[ENDLESS])
        answers = await asyncio.to_thread(ask, base)
    operations = {operation for operation, _ in answers}
    assert {"POST /v1/sources", "PATCH /v1/sources/{source_id}", "POST /v1/audio"} <= operations
    # beyond what the schema refuses: taken, or refused by ingest itself
    assert answers["POST /v1/sources", 201] + answers["POST /v1/sources", 400] > 0
