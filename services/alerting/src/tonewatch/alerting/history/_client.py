"""Reads stored sessions through the HTTP API of storage."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr

from tonewatch.alerting.engine import Stored
from tonewatch.alerting.history._tracks import stored_of
from tonewatch.shared.errors import InvalidInputError, NotFoundError, UnavailableError
from tonewatch.shared.http import HTTPError, create_client
from tonewatch.shared.messages import Speaker

TIMEOUT: Final = timedelta(seconds=30)
SESSIONS_PER_PAGE: Final = 200
MAX_TRACK_SECONDS: Final = 24 * 3600


class SessionQuery(BaseModel):
    """Which sessions; all that storage can narrow a list by."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    begin: AwareDatetime = Field(description="Sessions that started at or after this")
    end: AwareDatetime = Field(description="And before this")
    source_id: str | None = None
    agent_id: str | None = None
    queue: str | None = None
    label: tuple[str, ...] = Field(default=(), description="name:value")

    def parameters(self) -> dict[str, Any]:
        """As storage has them; oldest first."""
        given = self.model_dump(mode="json", exclude_none=True)
        return {
            "from": given.pop("begin"),
            "to": given.pop("end"),
            "order": "asc",
            "limit": SESSIONS_PER_PAGE,
            **given,
        }


class StoredSession(BaseModel):
    """A session, as far as rules care."""

    session_id: str
    source_id: str
    speakers: tuple[Speaker, ...]
    labels: dict[str, str]
    started_at: datetime


class HistoryClient:
    """A client of storage; `close` it."""

    def __init__(self, base_url: str, token: SecretStr | None = None) -> None:
        self._base_url = base_url
        self._client = create_client(base_url=base_url, timeout=TIMEOUT, token=token)

    async def sessions(self, query: SessionQuery) -> AsyncIterator[StoredSession]:
        """The sessions, oldest first.

        Raises:
            UnavailableError: storage does not answer.
        """
        parameters = query.parameters()
        while True:
            page = await self._ask("/v1/sessions", parameters)
            for item in page["items"]:
                yield StoredSession.model_validate(item)
            if page["next_cursor"] is None:
                return
            parameters["cursor"] = page["next_cursor"]

    async def session(self, session_id: str) -> StoredSession:
        """One session.

        Raises:
            NotFoundError: storage has none of this id.
            UnavailableError: storage does not answer.
        """
        item = await self._ask(f"/v1/sessions/{quote(session_id, safe='')}", {})
        return StoredSession.model_validate(item)

    async def track(
        self, session: StoredSession, speaker: Speaker, *, fine: bool = True
    ) -> Stored | None:
        """The seconds of one voice (a day's at most), with their fine steps; None if none is kept.

        Raises:
            UnavailableError: storage does not answer.
        """
        parameters: dict[str, Any] = {"speaker": speaker.value}
        if fine:
            parameters["steps"] = "true"
        else:
            parameters["limit"] = 7200
        items: list[dict[str, Any]] = []
        path = f"/v1/sessions/{quote(session.session_id, safe='')}/timeline"
        while len(items) < MAX_TRACK_SECONDS:
            page = await self._ask(path, parameters)
            items += page["items"]
            if page["next_cursor"] is None:
                break
            parameters["cursor"] = page["next_cursor"]
        if not items:
            return None
        return await asyncio.to_thread(stored_of, items, session.started_at)

    async def close(self) -> None:
        """Release connections."""
        await self._client.aclose()

    async def _ask(self, path: str, parameters: dict[str, Any]) -> Any:
        try:
            answer = await self._client.get(path, params=parameters)
        except HTTPError as error:
            reason = str(error) or type(error).__name__
            raise UnavailableError(
                f"storage at {self._base_url} does not answer ({reason}); "
                "alerting.storage_url says where it is"
            ) from error
        if answer.is_success:
            # seconds with their matrices are megabytes: not on the event loop
            return await asyncio.to_thread(json.loads, answer.content)
        detail = answer.text[:500]
        if answer.status_code == 404:  # noqa: PLR2004
            raise NotFoundError(f"storage: {detail}")
        if answer.is_client_error and answer.status_code != 401:  # noqa: PLR2004
            raise InvalidInputError(f"storage refused {path}: {detail}")
        raise UnavailableError(f"storage answered {answer.status_code}: {detail}")
