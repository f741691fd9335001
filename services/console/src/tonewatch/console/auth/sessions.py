"""Sessions: browsers that are signed in, known by a cookie whose hash is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update

from tonewatch.console.auth.permissions import ROLES, Role
from tonewatch.console.auth.principal import Principal, Via
from tonewatch.console.auth.secrets import hash_of, new_token
from tonewatch.console.auth.tables import AccountRow, SessionRow
from tonewatch.shared.clock import iso_of, now_ms
from tonewatch.shared.database import Database
from tonewatch.shared.errors import NotFoundError
from tonewatch.shared.ids import new_id

TOUCH_MS = 60_000
"""How exactly it is known when a session or key was last used: a write for each request is dear."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """From where and with what somebody came, as far as a request tells."""

    address: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody for whom another system vouches."""

    name: str
    role: Role
    labels: Mapping[str, str]
    via: Via


class Sessions:
    """Opens, finds and ends sessions."""

    def __init__(self, database: Database, *, idle: timedelta, longest: timedelta) -> None:
        self._database = database
        self._idle_ms = round(idle.total_seconds() * 1000)
        self.longest_ms = round(longest.total_seconds() * 1000)

    async def open(self, account: AccountRow, visitor: Visitor) -> tuple[str, SessionRow]:
        """Sign an account in: the cookie's token, which is not stored, and the session."""
        guest = Guest(account.name, Role(account.role), account.labels, "session")
        token, row = _new_session(guest, visitor, account.id)
        async with self._database.writing() as session:
            session.add(row)
            signed_in = update(AccountRow).where(AccountRow.id == account.id)
            await session.execute(signed_in.values(signed_in_ms=row.created_ms))
        return token, row

    async def open_guest(self, guest: Guest, visitor: Visitor) -> tuple[str, SessionRow]:
        """Sign in somebody who has no account here; role and labels stay until the session ends."""
        token, row = _new_session(guest, visitor, None)
        async with self._database.writing() as session:
            session.add(row)
        return token, row

    async def find(self, token: str) -> Principal | None:
        """Who shows this token; None if it opens nothing, or no longer."""
        now = now_ms()
        row, principal = await self._find(SessionRow.token_hash == hash_of(token), now)
        if row is not None and now - row.used_ms > TOUCH_MS:
            await self._touch(row.id, now)
        return principal

    async def again(self, session_id: str) -> Principal | None:
        """Whose session this is now; None if it has ended. That is no use of it."""
        return (await self._find(SessionRow.id == session_id, now_ms()))[1]

    async def _find(
        self, condition: ColumnElement[bool], now: int
    ) -> tuple[SessionRow | None, Principal | None]:
        query = (
            select(SessionRow, AccountRow)
            .join(AccountRow, AccountRow.id == SessionRow.account_id, isouter=True)
            .where(condition, self._is_open(now))
        )
        async with self._database.reading() as session:
            found = (await session.execute(query)).first()
        if found is None:
            return None, None
        row, account = found
        return row, _principal(row, account)

    async def of(self, principal: Principal) -> Sequence[SessionRow]:
        """The open sessions of an account, the one used last first; of a guest, its own one."""
        query = (
            select(SessionRow)
            .where(_belongs(principal), self._is_open(now_ms()))
            .order_by(SessionRow.used_ms.desc(), SessionRow.id.desc())
        )
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def end(self, principal: Principal, session_id: str) -> None:
        """End one of somebody's own sessions.

        Raises:
            NotFoundError: it is none of theirs.
        """
        query = delete(SessionRow).where(SessionRow.id == session_id, _belongs(principal))
        async with self._database.writing() as session:
            ended = (await session.execute(query.returning(SessionRow.id))).all()
        if not ended:
            raise NotFoundError(f"you have no session {session_id}")

    async def forget_old(self) -> None:
        """Remove sessions that have ended by their age."""
        async with self._database.writing() as session:
            await session.execute(delete(SessionRow).where(~self._is_open(now_ms())))

    def _is_open(self, now: int) -> ColumnElement[bool]:
        used = SessionRow.used_ms > now - self._idle_ms
        return used & (SessionRow.created_ms > now - self.longest_ms)

    async def _touch(self, session_id: str, now: int) -> None:
        async with self._database.writing() as session:
            used = update(SessionRow).where(SessionRow.id == session_id)
            await session.execute(used.values(used_ms=now))


def _new_session(guest: Guest, visitor: Visitor, account_id: str | None) -> tuple[str, SessionRow]:
    token, now = new_token(), now_ms()
    return token, SessionRow(
        id=new_id(),
        token_hash=hash_of(token),
        account_id=account_id,
        name=guest.name,
        role=guest.role,
        labels=dict(guest.labels),
        via=guest.via,
        created_ms=now,
        used_ms=now,
        address=visitor.address[:64],
        agent=visitor.agent[:256],
    )


def _belongs(principal: Principal) -> ColumnElement[bool]:
    if principal.account_id is None:
        return SessionRow.id == principal.credential
    return SessionRow.account_id == principal.account_id


def _principal(row: SessionRow, account: AccountRow | None) -> Principal:
    owner: SessionRow | AccountRow = row if account is None else account
    role = Role(owner.role)
    via: Via = "oidc" if row.via == "oidc" else "session"
    return Principal(owner.name, role, ROLES[role], via, owner.labels, row.account_id, row.id)


def shown_session(row: SessionRow, current: str) -> dict[str, Any]:
    """A session as answers show it."""
    return {
        "id": row.id,
        "current": row.id == current,
        "created_at": iso_of(row.created_ms),
        "used_at": iso_of(row.used_ms),
        "address": row.address,
        "agent": row.agent,
    }
