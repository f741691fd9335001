"""Whatever a caller sends, the API of ingest answers, and never with a failure of its own."""

import asyncio
import contextlib
from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.core.result import Ok

from tests.integration.ingest.conftest import MakeIngest
from tests.support.running import running

EXAMPLES = 25
ENDLESS = "/v1/sources/events"


def ask_everything(base: str) -> Counter[tuple[str, int]]:
    """Call every operation with what its schema allows, and with what it does not."""
    schema = schemathesis.openapi.from_url(f"{base}/openapi.json")
    answers: Counter[tuple[str, int]] = Counter()
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        if operation.path == ENDLESS:
            continue
        for mode in schemathesis.GenerationMode:

            @seed(7)
            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                phases=[Phase.explicit, Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def check(case: schemathesis.Case[Any]) -> None:
                answer = case.call(base_url=base, timeout=10)
                answers[f"{case.method} {case.path}", answer.status_code] += 1
                assert answer.status_code < 500, (case.as_curl_command(), answer.text)

            with contextlib.suppress(Unsatisfiable):  # nothing to get wrong in it
                check()
    return answers


@pytest.mark.filterwarnings("ignore")  # of schemathesis and what it uses
async def test_no_request_makes_the_service_fail(make_ingest: MakeIngest) -> None:
    # sources may be added, but none of them pulls anything
    service = make_ingest(pull_protocols=[])
    async with running(service) as base:
        answers = await asyncio.to_thread(ask_everything, base)
    operations = {operation for operation, _ in answers}
    assert {"POST /v1/sources", "PATCH /v1/sources/{source_id}", "POST /v1/audio"} <= operations
    assert answers["POST /v1/sources", 201] > 0
