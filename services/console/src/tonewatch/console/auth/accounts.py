"""Accounts: who may sign in, in which role, limited to which labels."""

import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.console.auth.permissions import Role
from tonewatch.console.auth.tables import AccountRow, LinkRow, SessionRow
from tonewatch.shared.clock import iso_of, now_ms
from tonewatch.shared.database import Database
from tonewatch.shared.errors import ConflictError, InvalidInputError, NotFoundError
from tonewatch.shared.ids import new_id

MOST_ACCOUNTS: Final = 10_000


class Accounts:
    """Reads and changes accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[AccountRow]:
        """All accounts by name."""
        async with self._database.reading() as session:
            return list(await session.scalars(select(AccountRow).order_by(AccountRow.folded)))

    async def get(self, account_id: str) -> AccountRow:
        """One account.

        Raises:
            NotFoundError: there is none.
        """
        async with self._database.reading() as session:
            return await require_account(session, account_id)

    async def named(self, name: str) -> AccountRow | None:
        """The account of this name, however it is capitalised."""
        async with self._database.reading() as session:
            return await session.scalar(select(AccountRow).where(AccountRow.folded == folded(name)))

    async def has_admin(self) -> bool:
        """Whether some admin, of everything, can sign in with a password."""
        async with self._database.reading() as session:
            return any(map(_can_administer, await session.scalars(_admins())))

    async def add(
        self,
        name: str,
        role: Role,
        labels: Mapping[str, str],
        password_hash: str | None = None,
    ) -> AccountRow:
        """Make an account.

        Raises:
            ConflictError: the name is taken.
            InvalidInputError: the name cannot be one, or an agent has no labels.
        """
        async with self._database.writing() as session:
            return await add_account(session, name, role, labels, password_hash)

    async def change(
        self, account_id: str, role: Role | None, labels: Mapping[str, str] | None
    ) -> AccountRow:
        """Give an account another role or other labels; they hold at once.

        Raises:
            NotFoundError: there is no such account.
            ConflictError: it is the last admin.
            InvalidInputError: an agent would have no labels.
        """
        async with self._database.writing() as session:
            row = await require_account(session, account_id)
            had_admin = _can_administer(row)
            row.role = row.role if role is None else role
            row.labels = row.labels if labels is None else dict(labels)
            check_limits(Role(row.role), row.labels)
            await session.flush()
            if had_admin:
                await _require_admin(session)
            return row

    async def delete(self, account_id: str) -> AccountRow:
        """Remove an account with its sessions, keys and links.

        Raises:
            NotFoundError: there is no such account.
            ConflictError: it is the last admin.
        """
        async with self._database.writing() as session:
            row = await require_account(session, account_id)
            await session.delete(row)
            await session.flush()
            if _can_administer(row):
                await _require_admin(session)
            return row

    async def set_password(self, account_id: str, password_hash: str, keep: str = "") -> None:
        """Change a password; all sessions but the one to keep end, and so do one-time links."""
        async with self._database.writing() as session:
            await put_password(session, account_id, password_hash, keep)


def folded(name: str) -> str:
    """A name as it is compared: people type it in any case and with any width of letters."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


def check_limits(role: Role, labels: Mapping[str, str]) -> None:
    """Refuse an agent who would see everything, and labels that no list can be narrowed to.

    Raises:
        InvalidInputError: says what is wrong.
    """
    check_label_names(labels)
    if role is Role.AGENT and not labels:
        raise InvalidInputError(
            'an agent sees only what carries its labels; give some, such as {"agent_id": "1042"}'
        )


def check_label_names(labels: Mapping[str, str]) -> None:
    """Refuse names that a filter `name:value` could not tell apart.

    Raises:
        InvalidInputError: names the label.
    """
    for name in labels:
        if set(name) & set(':"\\'):
            raise InvalidInputError(
                f"labels: {name} holds a colon, a quotation mark or a backslash; none may"
            )


async def require_account(session: AsyncSession, account_id: str) -> AccountRow:
    """The row of an account.

    Raises:
        NotFoundError: there is none.
    """
    row = await session.get(AccountRow, account_id)
    if row is None:
        raise NotFoundError(f"there is no account {account_id}")
    return row


async def add_account(
    session: AsyncSession,
    name: str,
    role: Role,
    labels: Mapping[str, str],
    password_hash: str | None,
) -> AccountRow:
    """Make an account inside a transaction; see `Accounts.add`."""
    name = name.strip()
    if not name or not name.isprintable():
        raise InvalidInputError("name: give one of printable characters")
    check_limits(role, labels)
    if await session.scalar(select(AccountRow.id).where(AccountRow.folded == folded(name))):
        raise ConflictError(f"there is an account {name} already; choose another name")
    if (await session.scalar(select(func.count(AccountRow.id))) or 0) >= MOST_ACCOUNTS:
        raise ConflictError(f"there are {MOST_ACCOUNTS} accounts already; delete some first")
    row = AccountRow(
        id=new_id(),
        name=name,
        folded=folded(name),
        role=role,
        labels=dict(labels),
        password_hash=password_hash,
        created_ms=now_ms(),
        signed_in_ms=None,
    )
    session.add(row)
    await session.flush()
    return row


async def put_password(
    session: AsyncSession, account_id: str, password_hash: str, keep: str = ""
) -> None:
    """Set a password inside a transaction; see `Accounts.set_password`."""
    changed = update(AccountRow).where(AccountRow.id == account_id)
    await session.execute(changed.values(password_hash=password_hash))
    sessions = delete(SessionRow).where(SessionRow.account_id == account_id)
    await session.execute(sessions.where(SessionRow.id != keep))
    await session.execute(delete(LinkRow).where(LinkRow.account_id == account_id))


async def _require_admin(session: AsyncSession) -> None:
    """Refuse to leave nobody who could let others in; the transaction is rolled back."""
    if not any(map(_can_administer, await session.scalars(_admins().with_for_update()))):
        raise ConflictError(
            "this is the last admin who can sign in; make somebody else admin first"
        )


def _can_administer(row: AccountRow) -> bool:
    return row.role == Role.ADMIN and row.password_hash is not None and not row.labels


def _admins() -> Any:
    return select(AccountRow).where(
        AccountRow.role == Role.ADMIN, AccountRow.password_hash.is_not(None)
    )


def shown_account(row: AccountRow) -> dict[str, Any]:
    """An account as answers show it."""
    return {
        "id": row.id,
        "name": row.name,
        "role": row.role,
        "labels": row.labels,
        "has_password": row.password_hash is not None,
        "created_at": iso_of(row.created_ms),
        "signed_in_at": iso_of(row.signed_in_ms),
    }
