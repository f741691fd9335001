"""One connection from its first message to its last: a key, then audio, then an end.

The session begins with the first audio. Whatever goes wrong here ends this connection and nothing
else.
"""

import asyncio
import contextlib
from typing import Final, Protocol

from tonewatch.ingest.live.calls import CallsSupervisor, OpenCall
from tonewatch.ingest.live.intake import STOPPED
from tonewatch.ingest.publishing import SessionInfo
from tonewatch.ingest.sessions import Session, Sessions
from tonewatch.ingest.sockets.connection import Close, Connection, LeftError, Parting
from tonewatch.ingest.sockets.events import Audio, Decoder, Ended, Started
from tonewatch.ingest.sockets.patience import Patience
from tonewatch.ingest.sockets.tracks import Tracks
from tonewatch.ingest.sources import Source, SourceKind, permitted_labels
from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import ForbiddenError, TonewatchError
from tonewatch.shared.ids import new_id
from tonewatch.shared.logging import get_logger

PART_SECONDS: Final = 2.0
KEY_LABEL: Final = "key"
"""Never taken as a label, whatever a source permits."""
NO_KEY: Final = "no key came: it goes into the URL (?key=), the first message, or a Bearer header"
NO_SOURCE: Final = "no source of this kind has this key"

log = get_logger(__name__)


class Registry(Protocol):
    """Finds the source that a key opens."""

    async def source(self, key: str, kind: SourceKind) -> Source | None:
        """The source with this key, if it is of this kind."""
        ...

    def supervisor(self, source_id: str) -> CallsSupervisor | None:
        """Who keeps this source's calls."""
        ...


class Call(OpenCall):
    """Runs one connection."""

    def __init__(
        self,
        connection: Connection,
        decoder: Decoder,
        registry: Registry,
        sessions: Sessions,
        patience: Patience,
    ) -> None:
        self._connection = connection
        self._decoder = decoder
        self._registry = registry
        self._sessions = sessions
        self._patience = patience
        self._parting: Parting | None = None
        self._task: asyncio.Task[Parting] | None = None
        self._supervisor: CallsSupervisor | None = None
        self._info: SessionInfo | None = None
        self._tracks: Tracks | None = None
        self._session: Session | None = None

    async def serve(self) -> None:
        """Run to the end, whoever brings it about, and close the connection."""
        self._task = asyncio.create_task(self._run(), name=f"socket {self._connection.address}")
        try:
            await asyncio.wait({self._task})
        finally:
            # the server may give up on us before anybody else does
            self.end(STOPPED)
            await self.ended()
        stopped = self._parting or Parting(STOPPED, Close.RESTART)
        parting = stopped if self._task.cancelled() else self._task.result()
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(PART_SECONDS):
                await self._connection.part(parting)

    def end(self, reason: str) -> None:
        """End it from outside."""
        if self._task is not None and not self._task.done():
            self._parting = self._parting or Parting(reason, Close.RESTART)
            self._task.cancel()

    async def ended(self) -> None:
        """Wait until the session is ended."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _run(self) -> Parting:
        parting = Parting(STOPPED, Close.RESTART)
        try:
            parting = await self._converse()
        except asyncio.CancelledError:
            parting = self._parting or parting
        except LeftError as left:
            parting = Parting(str(left), lost=left.lost)
        except TonewatchError as error:
            parting = Parting.over(error)
        except Exception as error:
            log.exception("a socket failed", address=self._connection.address)
            parting = Parting(f"internal error: {type(error).__name__}", Close.INTERNAL)
        finally:
            self._finish(parting)
        return parting

    async def _converse(self) -> Parting:
        while True:
            try:
                async with asyncio.timeout_at(self._patience.until):
                    message = await self._connection.receive()
            except TimeoutError:
                return Parting(self._patience.complaint, Close.REFUSED, lost=True)
            for event in self._decoder.feed(message):
                match event:
                    case Started():
                        await self._start(event)
                    case Audio():
                        await self._hear(event)
                    case Ended():
                        return Parting(event.reason)

    async def _start(self, started: Started) -> None:
        source = await self._admitted(started.key or self._connection.key)
        self._tracks = Tracks(source.voices, started)
        given = {**self._connection.labels, **started.labels}
        given.pop(KEY_LABEL, None)
        self._info = SessionInfo(
            session_id=new_id(),
            source_id=source.id,
            name=source.name,
            kind=source.kind.value,
            labels=source.labels | permitted_labels(source, given),
            started_at=utc_now(),
            speakers=self._tracks.speakers,
        )
        self._patience.started(started.channels)
        await self._connection.welcome(self._info.session_id)

    async def _admitted(self, key: str | None) -> Source:
        if not key:
            raise ForbiddenError(NO_KEY)
        kind = self._connection.kind
        found = await self._registry.source(key, kind)
        supervisor = None if found is None else self._registry.supervisor(found.id)
        if supervisor is None:
            raise ForbiddenError(NO_SOURCE)
        supervisor.join(self)
        self._supervisor = supervisor
        # once more: whoever changed the key meanwhile ended the calls there were, without this one
        source = await self._registry.source(key, kind)
        if source is None:
            raise ForbiddenError(NO_SOURCE)
        return source

    async def _hear(self, audio: Audio) -> None:
        if self._tracks is None or self._info is None or self._supervisor is None:
            raise ForbiddenError(NO_KEY)
        self._patience.heard(audio)
        for speaker, pcm in self._tracks.take(audio):
            if self._session is None:
                self._session = await self._sessions.open(self._info)
                self._supervisor.began(self._info.session_id)
                self._patience.began()
            self._session.feed(pcm, speaker)
        if self._session is not None:
            seconds = self._session.seconds
            self._supervisor.heard(self, seconds)
            await self._patience.pace(seconds)

    def _finish(self, parting: Parting) -> None:
        if self._session is not None and self._tracks is not None:
            for speaker, pcm in self._tracks.rest():
                self._session.feed(pcm, speaker)
            self._session.end(parting.reason)
        session_id = None if self._session is None else self._session.info.session_id
        if self._supervisor is not None:
            self._supervisor.leave(self, session_id, parting.reason, lost=parting.lost)
        if parting.is_wrong:
            log.warning(
                "ended a socket",
                address=self._connection.address,
                session_id=session_id,
                reason=parting.reason,
            )
