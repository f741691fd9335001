"""Waits until everything that was started can do its work, and says what it waits for."""

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from tonewatch.shared.errors import UnavailableError
from tonewatch.shared.http import HTTPError, create_client
from tonewatch.suite.child import Child, Ready
from tonewatch.suite.log import SuiteLog

POLL_SECONDS: Final = 0.15
TELL_SECONDS: Final = 10.0
READY_LIMIT: Final = timedelta(seconds=60)


def http_ready(url: str) -> Ready:
    """Readiness by a page that answers 2xx when all is well; a service's names its checks."""

    async def ask() -> str | None:
        async with create_client(timeout=timedelta(seconds=4)) as client:
            try:
                response = await client.get(url)
            except HTTPError:
                return "does not answer yet"
        return None if response.is_success else failing_checks(response.content)

    return ask


def failing_checks(body: bytes) -> str:
    """The failing checks of a `/ready` answer, in one line."""
    try:
        checks = json.loads(body)["checks"].items()
        failing = [f"{name}: {check['detail']}" for name, check in checks if not check["ok"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return "is not ready"
    return "; ".join(failing) or "is not ready"


def tcp_ready(host: str, port: int) -> Ready:
    """Readiness of a server that only has to accept connections."""

    async def ask() -> str | None:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            return "does not listen yet"
        writer.close()
        await writer.wait_closed()
        return None

    return ask


async def wait_ready(children: Sequence[Child], log: SuiteLog, limit: timedelta | None) -> None:
    """Return when all are ready; from time to time say which are not.

    Raises:
        UnavailableError: the limit has passed; the message names who was not ready, and why.
    """
    waiting = {child.name: child for child in children}
    reasons: dict[str, str] = {}
    clock = asyncio.get_running_loop().time
    started = told = clock()
    while True:
        answers = await asyncio.gather(*(child.ready() for child in waiting.values()))
        reasons = {name: why for name, why in zip(waiting, answers, strict=True) if why is not None}
        waiting = {name: waiting[name] for name in reasons}
        if not waiting:
            return
        text = ", ".join(f"{name} ({why})" for name, why in reasons.items())
        if limit is not None and clock() - started > limit.total_seconds():
            raise UnavailableError(f"not ready after {limit.total_seconds():g} s: {text}")
        if clock() - told > TELL_SECONDS:
            told = clock()
            log.say(f"waiting for {text}")
        await asyncio.sleep(POLL_SECONDS)
