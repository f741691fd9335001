"""The console's live event stream, taken up again where it broke off."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from httpx_sse import EventSource, SSEError

from tonewatch.cli.api import Api
from tonewatch.cli.errors import CliError, RefusedError
from tonewatch.shared.http import HTTPError, Response

RETRY_SECONDS: Final = 1.0
FATAL: Final = frozenset({401, 403})
"""Statuses that another attempt does not change."""

Lost = Callable[[CliError | None], None]
"""Told why the stream is away, and None once it is there again."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its name (score, gap, alert, session, status, reset) and what it says."""

    name: str
    data: dict[str, Any]


class Feed:
    """Events from a cursor on; after `reset` the reader starts afresh and sets a new cursor."""

    def __init__(self, api: Api, cursor: str | None, lost: Lost) -> None:
        self.cursor = cursor
        self._api = api
        self._lost = lost

    async def events(self) -> AsyncGenerator[Event]:
        """All events, over as many connections as it takes; to be closed (`aclosing`).

        Raises:
            RefusedError: the key is not, or no longer, good for this.
        """
        while True:
            try:
                async with aclosing(self._connection()) as connection:
                    async for event in connection:
                        yield event
            except HTTPError as error:
                self._lost(self._api.unreachable(error))
            except RefusedError as error:
                if error.status in FATAL:
                    raise
                self._lost(error)
            except SSEError:
                self._lost(CliError("error.stranger", url=self._api.url, status=200))
            except CliError as error:
                self._lost(error)
            await asyncio.sleep(RETRY_SECONDS)

    async def _connection(self) -> AsyncGenerator[Event]:
        headers = {"Accept": "text/event-stream"}
        if self.cursor:
            headers["Last-Event-ID"] = self.cursor
        async with self._api.client.stream("GET", "events", headers=headers) as answer:
            await self._check(answer)
            self._lost(None)
            async with aclosing(EventSource(answer).aiter_sse()) as told:
                async for each in told:
                    if each.id:
                        self.cursor = each.id
                    if each.data:  # none in a block that only says how soon to come back
                        yield Event(each.event, each.json())

    async def _check(self, answer: Response) -> None:
        if not answer.is_success:
            await answer.aread()
        self._api.check(answer)
