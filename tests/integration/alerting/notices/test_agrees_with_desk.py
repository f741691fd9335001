"""The stage over a database, which loads only what it needs, decides as the desk that knows all.

Random days are played on both; afterwards every alert stands the same, and the same was told.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.integration.alerting.notices.databases import Replica
from tests.unit.alerting.notices.desk import START_MS, Desk, said
from tonewatch.alerting.delivery.database import database_over
from tonewatch.alerting.delivery.tables import DeliveryState
from tonewatch.alerting.notices.model import AlertVerdict
from tonewatch.alerting.notices.rows import entry_of
from tonewatch.alerting.notices.silence import Silence
from tonewatch.alerting.notices.silences import NewSilence
from tonewatch.alerting.notices.tables import ToldRow
from tonewatch.alerting.rules import parse_matcher
from tonewatch.alerting.settings import CapOptions, NoticeOptions
from tonewatch.shared.database import Database, close_engine, create_engine, sqlite_url
from tonewatch.shared.messages import AlertSubject, Escalation, Priority

COLUMNS = (
    "look_ms",
    "hold",
    "told_ms",
    "last_told_ms",
    "repeats",
    "escalations",
    "resolved_told",
    "acknowledged",
    "closed",
)

fires = st.tuples(
    st.just("fire"),
    st.fixed_dictionaries(
        {
            "session_id": st.sampled_from(["call-1", "call-2"]),
            "source_id": st.sampled_from(["line-1", "line-1", "line-2"]),
            "rule": st.sampled_from(["angry", "sad"]),
            "priority": st.sampled_from(Priority),
            "subject": st.sampled_from([*[AlertSubject.EMOTION] * 5, AlertSubject.STREAM]),
            "labels": st.sampled_from([{}, {"agent_id": "7"}]),
            "notice_cooldown_seconds": st.sampled_from([0, 30]),
            "notice_repeat_seconds": st.sampled_from([None, 20]),
            "notice_escalate": st.sampled_from(
                [(), (Escalation(after_seconds=15, channels=("boss",)),)]
            ),
        }
    ),
)
which = st.integers(min_value=0, max_value=1000)
acts = st.one_of(
    *[fires] * 6,
    st.tuples(st.just("end"), which),
    st.tuples(st.just("pass"), st.sampled_from([0.5, 3, 16, 31, 61])),
    st.tuples(st.just("send"), st.just(0)),
    st.tuples(st.just("acknowledge"), which),
    st.tuples(st.just("close"), which),
    st.tuples(st.just("silence"), st.sampled_from(["rule=sad", "agent_id=7"])),
)


class Twins:
    """A desk and a replica that live through the same."""

    def __init__(self, database: Database, options: NoticeOptions) -> None:
        self.desk = Desk(options)
        self.clock = [START_MS]
        self.replica = Replica(database, self.clock, options)
        self.firing: list[Any] = []
        self.fired = 0

    async def act(self, what: str, value: Any) -> None:
        await getattr(self, f"_{what}")(value)
        await self._agree()

    async def _fire(self, changes: dict[str, Any]) -> None:
        self.fired += 1
        alert = self.desk.fire(f"a{self.fired:02}", **changes)
        self.firing.append(alert)
        await self._step(alert)

    async def _end(self, which: int) -> None:
        if self.firing:
            await self._step(self.desk.over(self.firing.pop(which % len(self.firing))))

    async def _step(self, *alerts: Any) -> None:
        assert await self.replica.step(*alerts) == said(self.desk.step(*alerts))

    async def _pass(self, seconds: float) -> None:
        end = self.clock[0] + round(seconds * 1000)
        for notices in self.desk.ticks(seconds):
            self.clock[0] = self.desk.now
            assert await self.replica.step() == said(notices)
        self.clock[0] = end

    async def _send(self, _: int) -> None:
        unsent = [entry for entry in self.desk.entries.values() if entry.sent_ms is None]
        ids = [entry.alert_id for entry in unsent if entry.told_ms is not None]
        self.desk.sent(*ids)
        await self.replica.settle(DeliveryState.DELIVERED, *ids)

    async def _acknowledge(self, which: int) -> None:
        if alert_id := self._chosen(which):
            _, is_first = await self.replica.people.acknowledge(alert_id, "li")
            if is_first:
                self._changed(alert_id, acknowledged=True)

    async def _close(self, which: int) -> None:
        alert_id = self._chosen(which)
        if alert_id is None or self.desk.entries[alert_id].closed:
            return
        await self.replica.people.close(alert_id, "li", AlertVerdict.RIGHT)
        self._changed(alert_id, acknowledged=True, closed=True)
        for entry in self.desk.entries.values():
            if entry.hold is not None and entry.hold.by == alert_id and entry.look_ms is not None:
                self.desk.change(entry.alert_id, look_ms=self.desk.now)

    async def _silence(self, matcher: str) -> None:
        ends = datetime.fromtimestamp(self.desk.now / 1000 + 40, UTC)
        row = await self.replica.silences.add(
            NewSilence(matchers=(matcher,), ends_at=ends, author="li")
        )
        self.desk.silences.append(
            Silence(
                silence_id=row.id,
                matchers=(parse_matcher(matcher),),
                starts_ms=row.starts_ms,
                ends_ms=row.ends_ms,
            )
        )

    async def every_alert_that_was_told_is_in_a_message(self) -> None:
        """And who is told of an end was told of the beginning."""
        rows = {row.id: row for row in await self.replica.deliveries()}
        async with self.replica.database.reading() as session:
            told = (await session.scalars(select(ToldRow))).all()
        for item in told:
            assert item.alert_id in rows[item.delivery_id].payload
        begun = {(item.alert_id, item.receiver) for item in told if item.kind != "resolved"}
        ended = {(item.alert_id, item.receiver) for item in told if item.kind == "resolved"}
        assert ended <= begun
        for alert_id, entry in self.desk.entries.items():
            assert ((alert_id, "hook") in begun) == (entry.told_ms is not None)

    def _chosen(self, which: int) -> str | None:
        ids = sorted(self.desk.entries)
        return ids[which % len(ids)] if ids else None

    def _changed(self, alert_id: str, **values: Any) -> None:
        look_ms = self.desk.entries[alert_id].look_ms
        due = look_ms if look_ms is None else self.desk.now
        self.desk.change(alert_id, look_ms=due, **values)

    async def _agree(self) -> None:
        for alert_id, entry in self.desk.entries.items():
            stored = entry_of(await self.replica.alert(alert_id))
            for column in COLUMNS:
                assert getattr(stored, column) == getattr(entry, column), (alert_id, column)


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    """A database file with the newest schema, to be copied."""
    folder = Path(tempfile.mkdtemp(prefix="tw-notices-"))
    file = folder / "template.db"

    async def make() -> None:
        database = database_over(create_engine(sqlite_url(file)))
        await database.prepare()
        await database.close()

    asyncio.run(make())
    yield file
    shutil.rmtree(folder)


@settings(max_examples=60, deadline=None)
@given(
    group_by=st.sampled_from(["call", "agent", "none"]),
    cap=st.sampled_from([2, 60]),
    day=st.lists(acts, min_size=10, max_size=30),
)
def test_the_stage_decides_as_the_desk(
    template: Path, group_by: str, cap: int, day: list[tuple[str, Any]]
) -> None:
    async def live() -> None:
        file = shutil.copy(template, template.with_name("day.db"))
        engine = create_engine(sqlite_url(Path(file)))
        try:
            caps = CapOptions(rule_per_minute=cap)
            twins = Twins(database_over(engine), NoticeOptions(group_by=group_by, caps=caps))
            for what, value in day:
                await twins.act(what, value)
            await twins.every_alert_that_was_told_is_in_a_message()
        finally:
            await close_engine(engine)

    asyncio.run(live())
