"""Stored rules in the database: what stands, every version before it, and the revision."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.alerting.rules.stored._model import Edit, RuleAction, StoredRule
from tonewatch.alerting.rules.stored._tables import RuleRevisionRow, RuleVersionRow
from tonewatch.shared.clock import now_ms
from tonewatch.shared.database import Database
from tonewatch.shared.errors import ConflictError, NotFoundError

MAX_STORED: Final = 1000
MAX_VERSIONS_SHOWN: Final = 200

Decide = Callable[[StoredRule | None], dict[str, Any] | None]
"""From the newest version (None if the name is new) to the rule's next content; may raise."""


class RuleStore:
    """Reads and writes versions of rules."""

    def __init__(self, database: Database, clock: Callable[[], int] = now_ms) -> None:
        self._database = database
        self._clock = clock

    async def revision(self) -> int:
        """How often anything has changed."""
        async with self._database.reading() as session:
            return await session.scalar(select(RuleRevisionRow.revision)) or 0

    async def standing(self) -> tuple[int, list[StoredRule]]:
        """The revision, and the rules that are not deleted, by name."""
        async with self._database.reading() as session:
            # the revision first: what changes in between is read again, never missed
            revision = await session.scalar(select(RuleRevisionRow.revision)) or 0
            rows = await session.scalars(_newest().order_by(RuleVersionRow.name))
            return revision, [_stored(row) for row in rows if row.rule is not None]

    async def newest(self, name: str) -> StoredRule | None:
        """The newest version of a rule, which may be its deletion."""
        async with self._database.reading() as session:
            return await _newest_of(session, name)

    async def versions(self, name: str) -> list[StoredRule]:
        """All versions of a rule (of many, the newest), newest first.

        Raises:
            NotFoundError: there never was such a rule.
        """
        query = (
            select(RuleVersionRow)
            .where(RuleVersionRow.name == name)
            .order_by(RuleVersionRow.version.desc())
            .limit(MAX_VERSIONS_SHOWN)
        )
        async with self._database.reading() as session:
            found = [_stored(row) for row in await session.scalars(query)]
        if not found:
            raise NotFoundError(f'no rule "{name}" was ever added through the API')
        return found

    async def version(self, name: str, version: int) -> StoredRule:
        """One version of a rule.

        Raises:
            NotFoundError: there is none of this number.
        """
        async with self._database.reading() as session:
            row = await session.get(RuleVersionRow, (name, version))
        if row is None:
            raise NotFoundError(f'there is no version {version} of a rule "{name}"')
        return _stored(row)

    async def write(self, name: str, action: RuleAction, decide: Decide, edit: Edit) -> StoredRule:
        """Add a version; changes happen one after the other, so what `decide` sees is the newest.

        Raises:
            ConflictError: there are too many rules; and whatever `decide` raises.
        """
        async with self._database.writing() as session:
            await session.execute(
                update(RuleRevisionRow).values(revision=RuleRevisionRow.revision + 1)
            )
            before = await _newest_of(session, name)
            content = decide(before)
            if content is not None and (before is None or before.rule is None):
                await _refuse_too_many(session)
            written = StoredRule(
                name=name,
                version=1 if before is None else before.version + 1,
                action=action,
                rule=content,
                author=edit.by,
                comment=edit.comment,
                at_ms=self._clock(),
            )
            await session.execute(insert(RuleVersionRow), [asdict(written)])
        return written


def _newest() -> Any:
    last = (
        select(RuleVersionRow.name, func.max(RuleVersionRow.version).label("version"))
        .group_by(RuleVersionRow.name)
        .subquery()
    )
    return select(RuleVersionRow).join(
        last, (RuleVersionRow.name == last.c.name) & (RuleVersionRow.version == last.c.version)
    )


async def _newest_of(session: AsyncSession, name: str) -> StoredRule | None:
    row = await session.scalar(_newest().where(RuleVersionRow.name == name))
    return None if row is None else _stored(row)


async def _refuse_too_many(session: AsyncSession) -> None:
    standing = _newest().where(RuleVersionRow.rule.is_not(None)).subquery()
    if (await session.scalar(select(func.count()).select_from(standing)) or 0) >= MAX_STORED:
        raise ConflictError(f"there are {MAX_STORED} rules already; delete some first")


def _stored(row: RuleVersionRow) -> StoredRule:
    return StoredRule(
        name=row.name,
        version=row.version,
        action=RuleAction(row.action),
        rule=row.rule,
        author=row.author,
        comment=row.comment,
        at_ms=row.at_ms,
    )
