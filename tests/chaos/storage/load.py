"""A steady load of calls, and the question whether all of it is in the database."""

import asyncio
import random

from sqlalchemy import String, cast, distinct, func, select

from tests.support.messages import make_alert, make_gap, make_score, make_session
from tests.support.stored import outgoing
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.messages import Message, SessionState
from tonewatch.shared.streams import DEAD
from tonewatch.storage import writer
from tonewatch.storage.database import Database
from tonewatch.storage.models import Alert, EmotionRecord
from tonewatch.storage.operations import check
from tonewatch.storage.retention import Kind

CALLS = 20
GAP_EVERY = 7
ALERTED = (3, 4)
FOR_EVER = {f"{kind.value}_days": None for kind in Kind}
"""Retention that removes nothing: the seconds of tests are those of a day long ago."""


class Load:
    """Seconds of some calls, evenly; every seventh is a gap, and some come twice."""

    def __init__(self, broker: RedisBroker) -> None:
        self.broker = broker
        self.calls = [f"call-{number}" for number in range(CALLS)]
        self.seconds = 0
        self.scores = 0
        self._chance = random.Random(7)

    async def begin(self) -> None:
        """Announce the calls; each has an alert before its seconds are there."""
        await self._publish([make_session(session_id=call) for call in self.calls])
        await self._publish([make_alert(session_id=call, alert_id=call) for call in self.calls])

    async def second(self) -> None:
        """The next second of all calls."""
        seq = self.seconds
        self.seconds += 1
        if seq % GAP_EVERY == GAP_EVERY - 1:
            await self._publish([make_gap(seq, seq, session_id=call) for call in self.calls])
            return
        scores = [make_score(seq, "angry", session_id=call) for call in self.calls]
        self.scores += len(scores)
        await self._publish([*scores, *self._chance.sample(scores, 2)])

    async def until(self, stop: asyncio.Event, pause_seconds: float = 0.1) -> None:
        """Second after second until told to stop."""
        while not stop.is_set():
            await self.second()
            await asyncio.sleep(pause_seconds)  # the rate of the load

    async def end(self) -> None:
        """Announce that the calls are over."""
        ended = SessionState.ENDED
        await self._publish(
            [make_session(ended, session_id=call, frames=self.seconds) for call in self.calls]
        )

    async def _publish(self, messages: list[Message]) -> None:
        await self.broker.publish([outgoing(message) for message in messages])


async def stored(database: Database) -> int:
    """How many seconds are there."""
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(EmotionRecord)) or 0


async def settled(broker: RedisBroker) -> bool:
    """Whether storage has acknowledged everything."""
    states = [state for stream in writer.STREAMS for state in await broker.group_states(stream)]
    mine = [state for state in states if state.group == writer.GROUP]
    return all(state.oldest_unsettled_ms is None for state in mine)


async def require_all(load: Load, database: Database) -> None:
    """Promise 1: what was published less gaps is stored, nothing twice, nothing missing."""
    await wait_until(lambda: settled(load.broker), 60, 0.1)
    second = EmotionRecord.session_id + ":" + cast(EmotionRecord.seq, String)
    marked = select(func.count()).where(EmotionRecord.alert_triggered)
    async with database.read() as session:
        total, different = (
            await session.execute(select(func.count(), func.count(distinct(second))))
        ).one()
        alerted = await session.scalar(marked)
        alerts = await session.scalar(select(func.count()).select_from(Alert))
    found = (total, different, alerted, alerts)
    expected = (load.scores, load.scores, CALLS * len(ALERTED), CALLS)
    assert found == expected, f"(stored, different, marked, alerts): {found}, not {expected}"
    findings = await check(database)
    assert not findings, findings
    assert set((await load.broker.last_ids(DEAD)).values()) == {"0-0"}
