"""The loop that removes what has grown too old, or what no longer fits."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import and_, delete, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from tonewatch.shared.clock import utc_now
from tonewatch.shared.logging import get_logger
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.runtime import wait_for_stop
from tonewatch.storage.database import Database
from tonewatch.storage.models import Session, TrackRollup, Utterance
from tonewatch.storage.partitions import Partitions
from tonewatch.storage.retention._days import drop_days
from tonewatch.storage.retention._files import remove_embeddings
from tonewatch.storage.retention._options import Kind, RetentionOptions
from tonewatch.storage.retention._space import give_back, used_bytes
from tonewatch.storage.retention._tables import AGED, Aged, Condition, has_session, is_held

LEAST_AGE: Final = timedelta(hours=1)
"""The ceiling takes nothing younger: with less than an hour it is the ceiling that is wrong."""
_GB: Final = 1_000_000_000

log = get_logger(__name__)


class Sweeper:
    """Applies the retention of one database."""

    def __init__(
        self,
        database: Database,
        options: RetentionOptions,
        metrics: Metrics,
        *,
        data_dir: Path,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._options = options
        self._metrics = metrics
        self._partitions = Partitions(database)
        self._data_dir = data_dir
        self._now = now
        self._is_over = False

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep from time to time until `stop`."""
        while not stop.is_set():
            await self._partitions.make_ahead()
            await self.sweep(stop)
            await wait_for_stop(stop, self._options.every_seconds)

    async def sweep(self, stop: asyncio.Event | None = None) -> None:
        """Remove all that is too old, then what is above the ceiling; returns early on `stop`.

        Raises:
            DatabaseUnavailableError: not now; batches that were done stay done.
        """
        stop = stop or asyncio.Event()
        now = self._now()
        for kind in Kind:
            cutoffs = self._cutoffs(kind, now)
            if cutoffs and kind in {Kind.STEPS, Kind.SECONDS}:
                await drop_days(self._database, kind, min(cutoffs))
            for aged in AGED[kind] if cutoffs else ():
                await self._remove(aged, max(cutoffs), self._too_old(aged, kind, now), stop)
        await self._keep_below_ceiling(now, stop)
        await give_back(self._database, stop)
        self._metrics.set("database_bytes", await used_bytes(self._database))

    def _cutoffs(self, kind: Kind, now: datetime) -> list[datetime]:
        """Of all sessions and of those with labels; the latest bounds what is looked at."""
        labelled = [cutoff for _, cutoff in self._options.labelled(kind, now)]
        general = self._options.cutoff(kind, now)
        # without a general age, only those with a label are removed at all
        return labelled + ([] if general is None else [general])

    def _too_old(self, aged: Aged, kind: Kind, now: datetime) -> Condition:
        general = self._options.cutoff(kind, now)
        labelled = self._options.labelled(kind, now)
        old = [] if general is None else [aged.moment < general]
        kept = [is_held()]
        if labelled:
            old.append(has_session(aged, or_(*(label.of_session for label, _ in labelled))))
            kept += [and_(lb.of_session, aged.moment >= cutoff) for lb, cutoff in labelled]
        return and_(or_(*old), ~has_session(aged, or_(*kept)))

    async def _remove(
        self, aged: Aged, before: datetime, removable: Condition, stop: asyncio.Event
    ) -> int:
        """Remove rows batch by batch, oldest first; says how many."""
        removed, after = 0, None
        while not stop.is_set():
            query = aged.rows(aged.moment, *aged.key).where(aged.moment < before, removable)
            if after is not None:
                query = query.where(aged.moment >= after)
            query = query.order_by(aged.moment).limit(self._options.batch_rows)
            async with self._database.read() as session:
                found = (await session.execute(query)).all()
            if not found:
                break
            after = found[-1][0]
            async with self._database.write() as connection:
                keys = [tuple(row)[1:] for row in found]
                if aged.model is Utterance:
                    await self._remove_embeddings(connection, aged, keys, removable)
                count = await _delete(connection, aged, keys, removable)
            self._metrics.count("rows_expired_total", count, table=aged.name)
            removed += count
            if count == 0:
                break  # a hold was placed in between; the next sweep sees it
        if removed:
            log.info("removed what was too old", table=aged.name, rows=removed)
        return removed

    async def _remove_embeddings(
        self, connection: AsyncConnection, aged: Aged, keys: Sequence[Any], removable: Condition
    ) -> None:
        """Before the commit: a process killed then leaves a row without a file, not a file."""
        path = Utterance.embedding_path
        named = select(path).where(_among(aged, keys), removable, path.is_not(None))
        paths = [str(each) for each in (await connection.execute(named)).scalars()]
        await asyncio.to_thread(remove_embeddings, self._data_dir, paths)

    async def _keep_below_ceiling(self, now: datetime, stop: asyncio.Event) -> None:
        if self._options.max_gb is None:
            return
        ceiling = self._options.max_gb * _GB
        before = now - LEAST_AGE
        for kind in (Kind.STEPS, Kind.SECONDS):
            while await used_bytes(self._database) > ceiling and not stop.is_set():
                if not await self._remove_oldest(kind, before, stop):
                    break
        self._tell_ceiling(over=await used_bytes(self._database) > ceiling)

    async def _remove_oldest(self, kind: Kind, before: datetime, stop: asyncio.Event) -> int:
        """The oldest hour of what there is of this kind; the oldest day on PostgreSQL."""
        aged = AGED[kind][-1]
        free = ~has_session(aged, is_held())
        query = aged.rows(aged.moment).where(aged.moment < before, free)
        async with self._database.read() as session:
            oldest = await session.scalar(query.order_by(aged.moment).limit(1))
        if oldest is None:
            return 0
        if self._database.dialect == "postgresql":
            end = oldest.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
            return await drop_days(self._database, kind, min(end, before))
        end = min(oldest + timedelta(hours=1), before)
        counts = [await self._remove(each, end, free_of_hold(each), stop) for each in AGED[kind]]
        return sum(counts)

    def _tell_ceiling(self, *, over: bool) -> None:
        if over and not self._is_over:
            log.warning(
                "the database is above max_gb and nothing more may be removed",
                max_gb=self._options.max_gb,
                kept="the last hour, legal holds, segments, alerts and sessions",
            )
        self._is_over = over


def free_of_hold(aged: Aged) -> Condition:
    """Whether no legal hold keeps a row."""
    return ~has_session(aged, is_held())


async def _delete(
    connection: AsyncConnection, aged: Aged, keys: Sequence[Any], removable: Condition
) -> int:
    """Delete these rows where they may still be removed: a hold may have come in between."""
    here = _among(aged, keys)
    wanted = removable
    if aged.join is not None:  # a delete knows one table only
        wanted = tuple_(*aged.key).in_(aged.rows(*aged.key).where(here, removable))
    elif aged.only is not None:
        wanted = and_(removable, aged.only)
    if aged.model is Session:
        tracks = select(Session.session_id).where(here, wanted)
        await connection.execute(delete(TrackRollup).where(TrackRollup.session_id.in_(tracks)))
    return (await connection.execute(delete(aged.model).where(here, wanted))).rowcount


def _among(aged: Aged, keys: Sequence[Any]) -> Condition:
    """Whether a row is one of these."""
    if len(aged.key) == 1:
        return aged.key[0].in_([key[0] for key in keys])
    return tuple_(*aged.key).in_(keys)
