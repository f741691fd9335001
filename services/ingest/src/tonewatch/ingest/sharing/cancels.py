"""Ends an upload at whatever replica it is taken in.

Whoever is asked and does not have it says so in its note to the others, and waits until the
database tells what became of it. The one that has it reads the note within a second or so.
"""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Final

from tonewatch.ingest.uploads import Upload, Uploads, UploadState
from tonewatch.shared.errors import ConflictError, NotFoundError, UnavailableError

ANSWER_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.1


class Cancels:
    """The uploads whose end was asked for here, and those that others ask us to end."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads
        self._wanted: set[str] = set()
        self._ending: dict[str, asyncio.Task[None]] = {}

    @property
    def wanted(self) -> frozenset[str]:
        """What the others are asked to end."""
        return frozenset(self._wanted)

    async def cancel(self, session_id: str) -> Upload:
        """End a recording that is being taken in, wherever; see `Uploads.cancel`.

        Raises:
            NotFoundError: there is no such upload.
            ConflictError: it is over already.
            UnavailableError: whoever takes it in did not answer in time.
        """
        try:
            return await self._uploads.cancel(session_id)
        except ConflictError:
            if (await self._uploads.get(session_id)).state is not UploadState.PUBLISHING:
                raise
        self._wanted.add(session_id)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                ended = await self._ended(session_id)
        except TimeoutError as error:
            raise UnavailableError(
                f"the replica that takes upload {session_id} in did not answer; try again soon"
            ) from error
        finally:
            self._wanted.discard(session_id)
        if ended.state is not UploadState.CANCELLED:
            raise ConflictError(
                f"upload {session_id} is {ended.state.value}: nothing is left to cancel"
            )
        return ended

    def heard(self, session_ids: Collection[str]) -> None:
        """Others ask for the end of these: begin to end those that are ours."""
        for session_id in set(session_ids) - self._ending.keys():
            task = asyncio.create_task(self._end(session_id), name=f"cancel {session_id}")
            self._ending[session_id] = task

    async def _end(self, session_id: str) -> None:
        try:
            with suppress(ConflictError, NotFoundError):
                await self._uploads.cancel(session_id)
        finally:
            del self._ending[session_id]

    async def _ended(self, session_id: str) -> Upload:
        while True:
            found = await self._uploads.get(session_id)
            if found.state is not UploadState.PUBLISHING:
                return found
            await asyncio.sleep(LOOK_SECONDS)
