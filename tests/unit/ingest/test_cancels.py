"""Ending uploads that another replica takes in."""

import asyncio

import pytest

from tests.support.wait import wait_until
from tonewatch.ingest.sharing import Cancels, cancels
from tonewatch.ingest.uploads import Upload, UploadState
from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import ConflictError, NotFoundError, UnavailableError

PUBLISHING, CANCELLED = UploadState.PUBLISHING, UploadState.CANCELLED


class Replica:
    """Stands for `Uploads`: the database that all share, and what this one takes in."""

    def __init__(self, database: dict[str, UploadState], *own: str) -> None:
        self._database = database
        self._own = set(own)

    async def get(self, session_id: str) -> Upload:
        if session_id not in self._database:
            raise NotFoundError
        state = self._database[session_id]
        return Upload(session_id=session_id, name="call", created_at=utc_now(), state=state)

    async def cancel(self, session_id: str) -> Upload:
        if session_id not in self._own or self._database[session_id] is not PUBLISHING:
            await self.get(session_id)
            raise ConflictError("nothing is left to cancel")
        self._database[session_id] = CANCELLED
        return await self.get(session_id)


def made(uploads: Replica) -> Cancels:
    return Cancels(uploads)  # type: ignore[arg-type]


async def test_an_upload_of_our_own_is_ended_at_once() -> None:
    here = made(Replica({"u1": PUBLISHING}, "u1"))
    assert (await here.cancel("u1")).state is CANCELLED
    assert here.wanted == frozenset()


async def test_whoever_has_it_ends_it_and_who_was_asked_says_so() -> None:
    database = {"u1": PUBLISHING}
    asked, other, third = (made(Replica(database, *own)) for own in ((), ("u1",), ()))
    asking = asyncio.create_task(asked.cancel("u1"))
    await wait_until(lambda: asked.wanted, interval_seconds=0)
    for each in (third, other, other):
        each.heard(asked.wanted)
    assert (await asking).state is CANCELLED
    assert asked.wanted == frozenset()


async def test_what_ends_by_itself_meanwhile_is_a_conflict() -> None:
    database = {"u1": PUBLISHING}
    asking = asyncio.create_task((asked := made(Replica(database))).cancel("u1"))
    await wait_until(lambda: asked.wanted, interval_seconds=0)
    database["u1"] = UploadState.PUBLISHED
    with pytest.raises(ConflictError, match="u1 is published: nothing is left to cancel"):
        await asking


async def test_what_is_unknown_or_over_is_not_asked_for() -> None:
    asked = made(Replica({"u1": UploadState.FAILED}))
    with pytest.raises(NotFoundError):
        await asked.cancel("u2")
    with pytest.raises(ConflictError, match="nothing is left"):
        await asked.cancel("u1")


async def test_nobody_is_waited_for_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancels, "ANSWER_SECONDS", 0.01)
    asked = made(Replica({"u1": PUBLISHING}))
    with pytest.raises(UnavailableError, match="did not answer"):
        await asked.cancel("u1")
    assert asked.wanted == frozenset()
