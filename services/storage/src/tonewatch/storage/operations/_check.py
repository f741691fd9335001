"""Is everything there: the file sound, every second of every ended session scored or in a gap?"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.storage.database import Database
from tonewatch.storage.models import EmotionRecord, Gap, Segment, Session, TrackRollup
from tonewatch.storage.rollups import Rollups

SESSIONS_AT_ONCE: Final = 200
SHOWN: Final = 3

_Ranges = dict[tuple[str, str], list[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be."""

    where: str
    what: str


async def check(database: Database) -> list[Finding]:
    """Look through the whole database; an empty list is good news.

    Segments tell which seconds were scored, also when retention has removed the seconds themselves.
    Sessions that go on are not looked at.
    """
    await Rollups(database).catch_up()
    async with database.read() as session:
        findings = await _integrity(session, database)
        findings += await _doubled(session)
        after = ""
        while ended := await _ended(session, after):
            findings += await _missing(session, ended)
            after = ended[-1].session_id
    return findings


async def _integrity(session: AsyncSession, database: Database) -> list[Finding]:
    if database.dialect != "sqlite":
        return []  # PostgreSQL checks its pages by itself (data checksums), its tools the rest
    connection = await session.connection()
    answers = (await connection.exec_driver_sql("PRAGMA integrity_check(20)")).scalars().all()
    return [Finding("file", answer) for answer in answers if answer != "ok"]


async def _doubled(session: AsyncSession) -> list[Finding]:
    key = (
        EmotionRecord.session_id,
        EmotionRecord.speaker,
        EmotionRecord.seq,
        EmotionRecord.granularity,
    )
    query = select(*key).group_by(*key).having(func.count() > 1).limit(SHOWN)
    return [
        Finding(f"session {row[0]}, {row[1]}", f"second {row[2]} ({row[3]}) is stored twice")
        for row in await session.execute(query)
    ]


async def _ended(session: AsyncSession, after: str) -> list[Session]:
    query = (
        select(Session)
        .where(Session.session_id > after, Session.frames.is_not(None))
        .order_by(Session.session_id)
        .limit(SESSIONS_AT_ONCE)
    )
    return list(await session.scalars(query))


async def _missing(session: AsyncSession, ended: list[Session]) -> list[Finding]:
    ids = [row.session_id for row in ended]
    covered: _Ranges = defaultdict(list)
    for model in (Segment, Gap):
        columns = (model.session_id, model.speaker, model.first_seq, model.last_seq)
        found = await session.execute(select(*columns).where(model.session_id.in_(ids)))
        for session_id, speaker, first, last in found:
            covered[session_id, speaker].append((first, last))
    tracks = select(TrackRollup.session_id, TrackRollup.speaker).where(
        TrackRollup.session_id.in_(ids)
    )
    heard: dict[str, set[str]] = defaultdict(set)
    for session_id, speaker in await session.execute(tracks):
        heard[session_id].add(speaker)
    findings = []
    for row in ended:
        for speaker in sorted(heard[row.session_id] | set(row.speakers)):
            holes = uncovered(covered[row.session_id, speaker], row.frames or 0)
            if holes:
                some = ", ".join(f"{first}-{last}" for first, last in holes[:SHOWN])
                seconds = sum(last - first + 1 for first, last in holes)
                where = f"session {row.session_id}, {speaker}"
                findings.append(
                    Finding(where, f"{seconds} seconds neither scored nor in a gap: {some}")
                )
    return findings


def uncovered(ranges: Iterable[tuple[int, int]], count: int) -> list[tuple[int, int]]:
    """The stretches of 0 to count - 1 that lie in no range, ends included."""
    holes, reached = [], 0
    for first, last in sorted(ranges):
        if first > reached:
            holes.append((reached, min(first, count) - 1))
        reached = max(reached, last + 1)
        if reached >= count:
            return holes
    return [*holes, (reached, count - 1)] if reached < count else holes
