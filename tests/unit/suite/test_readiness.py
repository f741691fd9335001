import io
from datetime import timedelta

import pytest

from tonewatch.shared.errors import UnavailableError
from tonewatch.suite.child import Child, Ready, Stage
from tonewatch.suite.log import SuiteLog
from tonewatch.suite.readiness import failing_checks, wait_ready


def child(name: str, ready: Ready) -> Child:
    return Child(name=name, argv=("true",), stage=Stage.WORKERS, ready=ready)


def test_failing_checks_are_told_by_name() -> None:
    body = b"""{"checks": {"redis": {"ok": false, "detail": "refused"},
                           "engine": {"ok": true, "detail": "loaded"}}}"""
    assert failing_checks(body) == "redis: refused"


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"checks": 3}', b'{"checks": {}}'])
def test_an_unknown_answer_is_just_not_ready(body: bytes) -> None:
    assert failing_checks(body) == "is not ready"


async def test_waiting_ends_when_the_last_is_ready() -> None:
    answers = iter(["loading", "loading", None])

    async def slow() -> str | None:
        return next(answers)

    async def quick() -> str | None:
        return None

    log = SuiteLog(io.StringIO())
    await wait_ready([child("slow", slow), child("quick", quick)], log, timedelta(seconds=5))
    assert next(answers, "all asked") == "all asked"


async def test_the_end_of_patience_names_who_is_late_and_why() -> None:
    async def never() -> str | None:
        return "engine: loading"

    with pytest.raises(UnavailableError, match=r"inference \(engine: loading\)"):
        await wait_ready([child("inference", never)], SuiteLog(io.StringIO()), timedelta(0))
