"""One-time links: how somebody chooses a password, first of all the first admin."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.console.auth.accounts import add_account, put_password, require_account
from tonewatch.console.auth.permissions import Role
from tonewatch.console.auth.secrets import hash_of, new_token
from tonewatch.console.auth.tables import AccountRow, LinkRow
from tonewatch.shared.clock import now_ms
from tonewatch.shared.database import Database
from tonewatch.shared.errors import InvalidInputError, NotFoundError

LINK_LIFE: Final = timedelta(days=3)
"""Of a link for an account; that of the first admin is valid until it is used or replaced."""

PAGE: Final = "/welcome#"
"""The token stands in the fragment, which no server, proxy or log ever sees."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it is shown, this once."""

    path: str
    expires_ms: int | None


class Links:
    """Makes and uses links; only their hashes are stored."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def make(self, account_id: str | None) -> Link:
        """A fresh link for an account, or for the first admin; earlier ones are void.

        Raises:
            NotFoundError: there is no such account.
        """
        token, now = new_token(), now_ms()
        life = round(LINK_LIFE.total_seconds() * 1000)
        expires = None if account_id is None else now + life
        async with self._database.writing() as session:
            if account_id is not None:
                await require_account(session, account_id)
            await session.execute(delete(LinkRow).where(LinkRow.account_id == account_id))
            session.add(
                LinkRow(
                    token_hash=hash_of(token),
                    account_id=account_id,
                    created_ms=now,
                    expires_ms=expires,
                )
            )
        return Link(PAGE + token, expires)

    async def account_of(self, token: str) -> AccountRow | None:
        """Whose link this is; None if it makes the first admin.

        Raises:
            NotFoundError: it is no link, or one no longer.
        """
        async with self._database.reading() as session:
            link = await _require_link(session, token)
            if link.account_id is None:
                return None
            return await require_account(session, link.account_id)

    async def use(self, token: str, name: str | None, password_hash: str) -> AccountRow:
        """Set the password of the link's account, or make the first admin; the link is then void.

        Raises:
            NotFoundError: it is no link, or one no longer.
            InvalidInputError: the first admin has no name.
            ConflictError: the name is taken.
        """
        async with self._database.writing() as session:
            link = await _require_link(session, token)
            await session.delete(link)
            await session.flush()
            if link.account_id is not None:
                await put_password(session, link.account_id, password_hash)
                return await require_account(session, link.account_id)
            if not name:
                raise InvalidInputError("name: choose the name of the first admin")
            return await add_account(session, name, Role.ADMIN, {}, password_hash)

    async def void_first(self) -> None:
        """No link makes a first admin any more."""
        async with self._database.writing() as session:
            await session.execute(delete(LinkRow).where(LinkRow.account_id.is_(None)))


async def _require_link(session: AsyncSession, token: str) -> LinkRow:
    query = select(LinkRow).where(LinkRow.token_hash == hash_of(token)).with_for_update()
    link = await session.scalar(query)
    if link is None or (link.expires_ms is not None and link.expires_ms <= now_ms()):
        raise NotFoundError(
            "this link was used already, has been replaced or is too old; ask for a new one"
        )
    return link
