"""Silences in the database: made, changed and ended by people."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.alerting.delivery.database import require
from tonewatch.alerting.notices.silence import Silence
from tonewatch.alerting.notices.tables import AlertRow, SilenceRow
from tonewatch.alerting.notices.turn import taking_turn
from tonewatch.alerting.rules import parse_matcher
from tonewatch.shared.acting import DOER
from tonewatch.shared.clock import iso_of, ms_of, now_ms
from tonewatch.shared.database import Database
from tonewatch.shared.errors import ConflictError
from tonewatch.shared.ids import new_id

MOST_MATCHERS: Final = 16


def _check_matcher(text: str) -> str:
    parse_matcher(text)
    return text


MatcherText = Annotated[str, Field(max_length=400), AfterValidator(_check_matcher)]
Person = Annotated[str, Field(min_length=1, max_length=128)]


class NewSilence(BaseModel):
    """A silence to make, or what an existing one is to become."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    matchers: tuple[MatcherText, ...] = Field(
        min_length=1,
        max_length=MOST_MATCHERS,
        description="All must hold: a label, or rule, priority, session_id, source_id, speaker",
    )
    starts_at: AwareDatetime | None = Field(default=None, description="Now if left out")
    ends_at: AwareDatetime
    author: Person = DOER
    comment: Annotated[str, Field(max_length=2000)] = ""

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.starts_at is not None and self.ends_at <= self.starts_at:
            raise ValueError("`ends_at` must be after `starts_at`")
        return self


async def active_silences(session: AsyncSession, now: int) -> list[Silence]:
    """The silences that are in force."""
    rows = await session.scalars(
        select(SilenceRow)
        .where(SilenceRow.ends_ms > now, SilenceRow.starts_ms <= now)
        .order_by(SilenceRow.id)
    )
    return [
        Silence(
            silence_id=row.id,
            matchers=tuple(map(parse_matcher, row.matchers)),
            starts_ms=row.starts_ms,
            ends_ms=row.ends_ms,
        )
        for row in rows
    ]


class Silences:
    """Reads and writes silences."""

    def __init__(self, database: Database, clock: Callable[[], int] = now_ms) -> None:
        self._database = database
        self._clock = clock

    async def add(self, new: NewSilence) -> SilenceRow:
        """Make a silence.

        Raises:
            ConflictError: it would have ended already.
        """
        now = self._clock()
        row = {"id": new_id(), "created_ms": now, **_values(new, now)}
        async with self._database.writing() as session:
            await session.execute(insert(SilenceRow), [row])
        return await self.get(row["id"])

    async def replace(self, silence_id: str, new: NewSilence) -> SilenceRow:
        """Change a silence that has not ended.

        Raises:
            NotFoundError: there is no such silence.
            ConflictError: it has ended; a new one is to be made.
        """
        return await self._change(silence_id, _values(new, self._clock()))

    async def expire(self, silence_id: str) -> SilenceRow:
        """End a silence now; what still fires is told.

        Raises:
            NotFoundError: there is no such silence.
            ConflictError: it has ended already.
        """
        now = self._clock()
        row = await self.get(silence_id)
        return await self._change(
            silence_id,
            {"ends_ms": now, "starts_ms": min(row.starts_ms, now), "updated_ms": now},
        )

    async def get(self, silence_id: str) -> SilenceRow:
        """A silence.

        Raises:
            NotFoundError: there is no such silence.
        """
        async with self._database.reading() as session:
            return await require(session, SilenceRow, silence_id, "silence")

    async def list(self, *, with_ended: bool = True) -> Sequence[SilenceRow]:
        """Silences, those that end last first."""
        query = select(SilenceRow).order_by(SilenceRow.ends_ms.desc(), SilenceRow.id.desc())
        if not with_ended:
            query = query.where(SilenceRow.ends_ms > self._clock())
        async with self._database.reading() as session:
            return (await session.scalars(query.limit(1000))).all()

    async def active(self) -> int:
        """How many are in force."""
        now = self._clock()
        async with self._database.reading() as session:
            return (
                await session.scalar(
                    select(func.count()).where(
                        SilenceRow.starts_ms <= now, SilenceRow.ends_ms > now
                    )
                )
                or 0
            )

    async def _change(self, silence_id: str, values: dict[str, Any]) -> SilenceRow:
        now = self._clock()
        async with taking_turn(self._database) as session:
            changed = await session.scalar(
                update(SilenceRow)
                .where(SilenceRow.id == silence_id, SilenceRow.ends_ms > now)
                .values(**values)
                .returning(SilenceRow.id)
            )
            # whatever it may have muted is looked at anew
            await session.execute(
                update(AlertRow).where(AlertRow.look_ms > now).values(look_ms=now)
            )
        row = await self.get(silence_id)
        if changed is None:
            raise ConflictError(
                f"silence {silence_id} ended at {iso_of(row.ends_ms)}; make a new one"
            )
        return row


def shown_silence(row: SilenceRow) -> dict[str, Any]:
    """A silence as answers show it."""
    now = now_ms()
    state = "pending" if row.starts_ms > now else "active" if row.ends_ms > now else "expired"
    return {
        "id": row.id,
        "state": state,
        "matchers": row.matchers,
        "starts_at": iso_of(row.starts_ms),
        "ends_at": iso_of(row.ends_ms),
        "author": row.author,
        "comment": row.comment,
        "created_at": iso_of(row.created_ms),
        "updated_at": iso_of(row.updated_ms),
    }


def _values(new: NewSilence, now: int) -> dict[str, Any]:
    ends_ms = ms_of(new.ends_at)
    if ends_ms <= now:
        raise ConflictError("a silence ends in the future; `ends_at` has passed")
    return {
        "matchers": list(new.matchers),
        "starts_ms": now if new.starts_at is None else ms_of(new.starts_at),
        "ends_ms": ends_ms,
        "author": new.author,
        "comment": new.comment,
        "updated_ms": now,
    }
