"""What a dead replica left open, closed by those who live."""

import asyncio
from collections.abc import Collection
from typing import Final

from tonewatch.ingest.sessions import Ledger, OpenSession, close_left_open
from tonewatch.ingest.uploads import UploadState, UploadStore
from tonewatch.ingest.uploads.intake import INTERRUPTED
from tonewatch.shared.broker import Broker
from tonewatch.shared.logging import get_logger
from tonewatch.shared.messages import Lane

LOOK_SECONDS: Final = 0.1

log = get_logger(__name__)


class Heirs:
    """Ends sessions of replicas that are no more, and notes uploads that broke off with them."""

    def __init__(self, broker: Broker, ledger: Ledger, uploads: UploadStore) -> None:
        self._broker = broker
        self._ledger = ledger
        self._uploads = uploads
        self._claimed: list[OpenSession] = []

    async def close_sessions(self, living: Collection[str]) -> None:
        """End the open sessions of all who do not live, each by one of us.

        Raises:
            BrokerUnavailableError: call again; it goes on where it was.
        """
        for session in await self._ledger.not_of(living):
            if await self._ledger.claim(session):
                self._claimed.append(session)
        while self._claimed:
            session = self._claimed[0]
            await close_left_open(self._broker, self._ledger, [session])
            if session.info.lane is Lane.UPLOAD:
                await self._uploads.update(
                    session.info.session_id, state=UploadState.FAILED.value, error=INTERRUPTED
                )
            del self._claimed[0]

    async def is_clear(self, source_id: str, seconds: float) -> bool:
        """Wait until no session of the source is open; says whether that is so."""
        try:
            async with asyncio.timeout(seconds):
                while await self._ledger.has_of_source(source_id):  # noqa: ASYNC110 - others' work
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            log.warning("a session of the source is still open", source_id=source_id)
            return False
        return True
