"""Keeps this replica's share of the sources: takes, gives up, and closes what dead ones left.

Two loops. `beat` does nothing but give the sign of life, so that slow work never looks like death.
`run` works after each beat, in an order that keeps each source single: first let go of what was
lost, then end the sessions of the dead, then take what is free.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from tonewatch.ingest.catalog import Catalog
from tonewatch.ingest.live import Fleet, SharedDoor
from tonewatch.ingest.live.elsewhere import encode
from tonewatch.ingest.sessions import Sessions
from tonewatch.ingest.sharing.cancels import Cancels
from tonewatch.ingest.sharing.heirs import Heirs
from tonewatch.shared.errors import UnavailableError
from tonewatch.shared.leases import Heartbeat, Membership
from tonewatch.shared.logging import get_logger
from tonewatch.shared.runtime import Loop, wait_for_stop

MOVED: Final = "another replica takes it over"
LOST: Final = "this replica was silent for too long, another one took the source over"
CLOSE_SECONDS: Final = 3.0

log = get_logger(__name__)


class Sharing:
    """One replica among others.

    `jobs` are loops that run in one replica at a time, by name. `interrupt` ends what else this
    replica took in (uploads) when it was counted dead.
    """

    def __init__(
        self,
        membership: Membership,
        catalog: Catalog,
        fleet: Fleet,
        door: SharedDoor,
        sessions: Sessions,
        heirs: Heirs,
        cancels: Cancels,
        *,
        jobs: Mapping[str, Loop],
        interrupt: Callable[[], Awaitable[None]],
    ) -> None:
        self._membership = membership
        self._catalog = catalog
        self._fleet = fleet
        self._door = door
        self._sessions = sessions
        self._heirs = heirs
        self._cancels = cancels
        self._jobs = {f"job:{name}": loop for name, loop in jobs.items()}
        self._interrupt = interrupt
        self._running_jobs: dict[str, tuple[asyncio.Event, asyncio.Task[None]]] = {}
        self._beaten = asyncio.Event()
        self._left = asyncio.Event()
        self._heartbeat = Heartbeat(membership)

    async def beat(self, _stop: asyncio.Event) -> None:
        """Give signs of life until `leave`: while we drain, our sessions are still ours."""
        while not self._left.is_set():
            if await self._heartbeat.beat():
                self._beaten.set()
            await wait_for_stop(self._left, self._membership.turn_seconds)

    async def run(self, stop: asyncio.Event) -> None:
        """Work after each beat until stopped."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                beaten = asyncio.create_task(self._beaten.wait())
                await asyncio.wait({stopping, beaten}, return_when=asyncio.FIRST_COMPLETED)
                beaten.cancel()
                self._beaten.clear()
                if not stop.is_set():
                    await self._work_once()
        finally:
            stopping.cancel()
            self._stop_jobs(self._jobs.keys())
            await asyncio.gather(*(job for _, job in self._running_jobs.values()))

    async def leave(self) -> None:
        """All is ended: let the others have it at once."""
        if self._left.is_set():
            return
        self._left.set()
        await self._heartbeat.leave()

    async def _work_once(self) -> None:
        try:
            await self._work()
        except (UnavailableError, SQLAlchemyError) as error:
            log.warning("the sources' shares wait", reason=str(error))

    async def _work(self) -> None:
        if self._membership.lapsed or self._membership.lost:
            await self._let_go()
        if not self._membership.is_sure:
            return
        await self._catalog.catch_up()
        if not self._membership.settling:
            await self._heirs.close_sessions(self._membership.living)
        await self._divide()
        await self._door.catch_up()
        note = encode(self._fleet.own_statuses(), self._cancels.wanted)
        await self._membership.tell(note)
        self._fleet.elsewhere.update((await self._membership.told()).values())
        self._cancels.heard(self._fleet.elsewhere.cancels)

    async def _let_go(self) -> None:
        """Stop what is not ours any more; what it still held is another replica's to tell."""
        lapsed, lost = self._membership.lapsed, set(self._membership.lost)
        await self._stop_all(lost, LOST)
        if lapsed:
            await self._fleet.disconnect_all(LOST)
            await self._interrupt()
        given_up = await self._sessions.give_up(None if lapsed else lost)
        self._membership.let_go()
        if lost or given_up:
            log.warning("let go of sources", sources=len(lost), frames=given_up, reason=LOST)

    async def _divide(self) -> None:
        leases = self._fleet.leased | self._jobs.keys()
        share = {name for name in leases if self._membership.is_chosen(name)}
        if surplus := self._membership.held - share:
            await self._stop_all(surplus, MOVED)
            closed = await asyncio.gather(*(self._is_closed(name) for name in surplus))
            await self._membership.release([n for n, c in zip(surplus, closed, strict=True) if c])
        await self._membership.acquire(share - self._membership.held)
        waiting = {name for name in share & self._membership.held if not self._is_running(name)}
        await asyncio.gather(*(self._start(name) for name in waiting))

    async def _start(self, name: str) -> None:
        if (job := self._jobs.get(name)) is not None:
            stop = asyncio.Event()
            self._running_jobs[name] = stop, asyncio.create_task(_run_job(job, stop), name=name)
        elif await self._heirs.is_clear(name, CLOSE_SECONDS) and name in self._fleet.sources:
            self._fleet.take(name)

    async def _stop_all(self, names: set[str], reason: str) -> None:
        self._stop_jobs(names)
        sources = names - self._jobs.keys()
        await asyncio.gather(*(self._fleet.yield_up(name, reason) for name in sources))

    def _stop_jobs(self, names: Collection[str]) -> None:
        """A job may take long to end; its lease is kept until then."""
        for name in self._running_jobs.keys() & set(names):
            self._running_jobs[name][0].set()

    def _is_running(self, name: str) -> bool:
        if name in self._jobs:
            return name in self._running_jobs and not self._running_jobs[name][1].done()
        return self._fleet.runs(name)

    async def _is_closed(self, name: str) -> bool:
        if name in self._jobs:
            return not self._is_running(name)
        return await self._sessions.closed_of(name, CLOSE_SECONDS)


async def _run_job(job: Loop, stop: asyncio.Event) -> None:
    """A job that fails is logged, and started again with the next beat."""
    try:
        await job(stop)
    except Exception:
        log.exception("a shared job failed")
