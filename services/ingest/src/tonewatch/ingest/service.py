"""The ingest service: puts the parts together and runs them."""

import asyncio
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from typing import ClassVar, Final

from fastapi import APIRouter
from sqlalchemy import text

from tonewatch.ingest.catalog import Catalog
from tonewatch.ingest.declaring import Declaring
from tonewatch.ingest.folders.taken import TakenFiles
from tonewatch.ingest.folders.watcher import FolderWatcher
from tonewatch.ingest.guard import Guard
from tonewatch.ingest.handlers import (
    RTMP_PREFIX,
    Addresses,
    audio_routes,
    audit_routes,
    declaring_routes,
    rtmp_routes,
    source_routes,
    watching_routes,
)
from tonewatch.ingest.live import (
    Door,
    Fleet,
    PublishRepository,
    SharedDoor,
    Tools,
    new_play_token,
)
from tonewatch.ingest.media import Pump, find_ffmpeg
from tonewatch.ingest.publishing import Publisher
from tonewatch.ingest.sessions import Ledger, OpenSession, Sessions, close_left_open
from tonewatch.ingest.sessions.session import PROGRESS_SECONDS
from tonewatch.ingest.settings import IngestOptions, IngestSettings
from tonewatch.ingest.sharing import (
    Cancels,
    Heirs,
    Sharing,
    clear_old_spools,
    gated,
    join,
)
from tonewatch.ingest.sockets import PREFIX as SOCKET_PREFIX
from tonewatch.ingest.sockets import AudioSocketServer, Hub, socket_routes
from tonewatch.ingest.sources import AuditLog, SourceRepository
from tonewatch.ingest.uploads import UploadLimits, Uploads, UploadStore
from tonewatch.shared.broker import Broker
from tonewatch.shared.database import close_engine, create_engine, failing_as_unavailable, migrate
from tonewatch.shared.errors import (
    ConflictError,
    NotFoundError,
    UnavailableError,
)
from tonewatch.shared.leases import UNSURE, Membership
from tonewatch.shared.logging import get_logger
from tonewatch.shared.runtime import Loop, Service, wait_for_stop
from tonewatch.shared.streams import FRAMES, SCORES, SESSIONS, UPLOADS, Stream

log = get_logger(__name__)

MIGRATIONS: Final = "tonewatch.ingest:migrations"


class IngestService(Service[IngestSettings]):
    """Takes audio in and publishes it, second by second."""

    name = "ingest"
    streams: ClassVar[tuple[Stream, ...]] = (FRAMES, UPLOADS, SCORES, SESSIONS)
    trims: ClassVar[tuple[Stream, ...]] = (FRAMES, UPLOADS, SESSIONS)
    # where stream keys are asked for
    open_paths: ClassVar[tuple[str, ...]] = (f"{SOCKET_PREFIX}/", f"{RTMP_PREFIX}/")

    def __init__(self, settings: IngestSettings, broker: Broker) -> None:
        super().__init__(settings, broker)
        options = settings.ingest
        self._ffmpeg = find_ffmpeg(options.ffmpeg)
        self._engine = create_engine(settings.database_url)
        self._membership = join(settings) if options.shared_sources else None
        replica = None if self._membership is None else self._membership.member
        self._spool_dir = settings.spool_dir / (replica or "")
        self._publisher = Publisher(
            gated(broker, self._membership),
            self.metrics,
            buffer_frames=options.buffer_frames,
            session_seconds=options.buffer_seconds,
        )
        self._ledger = Ledger(self._engine, replica)
        self._sessions = Sessions(self._publisher, self._ledger)
        self._left_open: list[OpenSession] = []
        play_token = new_play_token()
        repository = SourceRepository(self._engine)

        async def finished(source_id: str, how: str) -> None:
            await repository.update(source_id, finished=how)

        guard = _guard(options)
        tools = Tools(options, self._ffmpeg, self._sessions, play_token, finished, guard, Pump())
        self._fleet = Fleet(tools, self.metrics, replica)
        publishes = PublishRepository(self._engine)
        door = Door if self._membership is None else SharedDoor
        self._door = door(repository, publishes, self._fleet, play_token=play_token)
        self._audit = AuditLog(self._engine)
        self._catalog = Catalog(
            repository, self._audit, self._fleet, self._door, options.pull_rules
        )
        self._declaring = (
            Declaring(self._catalog, options.sources_file, self.metrics)
            if options.sources_file
            else None
        )
        self._sockets = Hub(options, repository, self._fleet, self._sessions, self.metrics)
        self.audiosocket = AudioSocketServer(self._sockets, options.host, options.audiosocket_port)
        self._upload_store = UploadStore(self._engine)
        self._uploads = Uploads(
            ffmpeg=self._ffmpeg,
            limits=UploadLimits(options.max_upload_seconds, options.max_uploads),
            store=self._upload_store,
            sessions=self._sessions,
            broker=broker,
        )
        self._cancels = Cancels(self._uploads)
        self._folders = self._watch_folders()
        self.health.add("database", self._check_database)
        self.health.add("ffmpeg", self._check_ffmpeg)
        self.health.add("buffer", self._check_buffer)
        self._sharing = None if self._membership is None else self._share(self._membership)

    async def open(self) -> None:
        """Bring the database up to date and start all sources; needs no broker yet."""
        with failing_as_unavailable("the registry database"):
            await migrate(self._engine, MIGRATIONS)
        if self._sharing is None:
            self._left_open = await self._ledger.all()
            await self._uploads.open(self._spool_dir)
        else:
            await asyncio.to_thread(clear_old_spools, self.settings.spool_dir)
        await self._catalog.load(self.settings.ingest.sources_file)
        await self._door.resume()
        await self.audiosocket.open()

    def loops(self) -> Sequence[Loop]:
        """Publish; keep the ledger; close what a killed ingest left open; stop in order."""
        found = [self._publish, self._keep_ledger, self._recover, self._stop_in_order]
        if self._declaring is not None:
            found.append(self._declaring.run)
        if self._sharing is not None:
            found += [self._sharing.beat, self._sharing.run]
        elif self.settings.ingest.watched_folders:
            found.append(self._folders.run)
        return found

    def routers(self) -> Sequence[APIRouter]:
        """Sources, uploads, sockets, and what nginx-rtmp asks."""
        options = self.settings.ingest
        addresses = Addresses(
            rtmp=options.rtmp_publish_base,
            websocket=options.ws_publish_base,
            audiosocket=options.audiosocket_publish_base,
        )
        return (
            declaring_routes(self._declaring),
            watching_routes(self._catalog, self._fleet.feed),
            source_routes(self._catalog, self._fleet.feed, addresses),
            audit_routes(self._audit),
            audio_routes(
                self._uploads,
                self._spool_dir,
                cancel=(self._uploads if self._sharing is None else self._cancels).cancel,
                max_bytes=options.max_upload_bytes,
                max_seconds=options.upload_receive_seconds,
            ),
            rtmp_routes(self._door),
            socket_routes(self._sockets),
        )

    async def close(self) -> None:
        """End what still runs (the broker may never have answered), and close the database."""
        await self._uploads.abandon()
        await self._stop_inputs()
        if held := self._publisher.held_frames:
            log.error("frames were lost: the broker was away until the end", frames=held)
        await self._sessions.abandon()
        if self._sharing is not None and self._membership is not None:
            await self._sharing.leave()
            await self._membership.close()
            await asyncio.to_thread(shutil.rmtree, self._spool_dir, ignore_errors=True)
        await close_engine(self._engine)

    def _watch_folders(self) -> FolderWatcher:
        options = self.settings.ingest
        return FolderWatcher(
            options.watched_folders,
            poll_seconds=options.folder_poll_seconds,
            settle_seconds=options.folder_settle_seconds,
            taken=TakenFiles(self._engine),
            uploads=self._uploads,
            store=self._upload_store,
            metrics=self.metrics,
        )

    def _share(self, membership: Membership) -> Sharing:
        self._heirs = Heirs(self.broker, self._ledger, self._upload_store)
        self.health.add("leases", self._check_leases)
        has_folders = bool(self.settings.ingest.watched_folders)
        assert isinstance(self._door, SharedDoor)  # noqa: S101 - made as one
        return Sharing(
            membership,
            self._catalog,
            self._fleet,
            self._door,
            self._sessions,
            self._heirs,
            self._cancels,
            jobs={"folders": self._folders.run} if has_folders else {},
            interrupt=self._interrupt_uploads,
        )

    async def _interrupt_uploads(self) -> None:
        """Others have closed their sessions: this replica was silent for too long."""
        for outbox in self._publisher.outboxes():
            if outbox.is_lossless:
                with suppress(ConflictError, NotFoundError):
                    await self._uploads.cancel(outbox.info.session_id)

    async def _publish(self, _stop: asyncio.Event) -> None:
        await self._publisher.run()

    async def _keep_ledger(self, stop: asyncio.Event) -> None:
        while not await wait_for_stop(stop, PROGRESS_SECONDS):
            await self._sessions.note_progress()

    async def _recover(self, _stop: asyncio.Event) -> None:
        await close_left_open(self.broker, self._ledger, self._left_open)
        self._left_open = []

    async def _stop_in_order(self, stop: asyncio.Event) -> None:
        """Sources first, then what they still had to say, then their entries in the ledger."""
        await stop.wait()
        self._fleet.feed.close()
        await self._stop_inputs()
        self._publisher.finish()
        await self._sessions.closed()
        if self._sharing is not None:
            await self._sharing.leave()

    async def _stop_inputs(self) -> None:
        """Take no more audio from anywhere, and end the sessions there are."""
        self.audiosocket.close()
        await self._sockets.stop()
        await self._uploads.stop()
        await self._fleet.stop()

    async def _check_database(self) -> str:
        async with self._engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
        return "answers"

    async def _check_ffmpeg(self) -> str:
        if not os.access(self._ffmpeg, os.X_OK):
            raise UnavailableError(f"{self._ffmpeg} is no program any more")
        return self._ffmpeg

    async def _check_leases(self) -> str:
        if self._membership is None or not self._membership.is_sure:
            raise UnavailableError(UNSURE)
        replicas, held = len(self._membership.living), len(self._membership.held)
        return f"{self._membership.member} holds {held}, {replicas} replicas live"

    async def _check_buffer(self) -> str:
        held = self._publisher.held_frames
        limit = self.settings.ingest.buffer_frames
        if self._publisher.away is not None:
            raise UnavailableError(
                f"{held} of {limit} frames are held until Redis is back: {self._publisher.away}"
            )
        return f"{held} of {limit} frames held"


def _guard(options: IngestOptions) -> Guard:
    return Guard(
        options.egress,
        verify_tls=options.pull_verify_tls,
        recordings_dir=options.recordings_dir,
    )
