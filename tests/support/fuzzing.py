"""Requests made from the schema of a running service: what it allows, and what it does not."""

import contextlib
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.core.result import Ok

EXAMPLES = 25


def ask_everything(
    base: str,
    *,
    document: str = "/openapi.json",
    headers: Mapping[str, str] | None = None,
    examples: int = EXAMPLES,
    leave_out: Collection[str] = (),
) -> Counter[tuple[str, int]]:
    """Call every operation with what its schema allows, and with what it does not."""
    sent = dict(headers or {})
    schema = schemathesis.openapi.from_url(f"{base}{document}", headers=sent)
    answers: Counter[tuple[str, int]] = Counter()
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        if operation.path in leave_out:
            continue
        for mode in schemathesis.GenerationMode:

            @seed(7)
            @settings(
                max_examples=examples,
                deadline=None,
                database=None,
                phases=[Phase.explicit, Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def check(case: schemathesis.Case[Any]) -> None:
                answer = case.call(base_url=base, headers=sent, timeout=10)
                answers[f"{case.method} {case.path}", answer.status_code] += 1
                assert answer.status_code < 500, (case.as_curl_command(), answer.text)

            with contextlib.suppress(Unsatisfiable):  # nothing to get wrong in it
                check()
    return answers
