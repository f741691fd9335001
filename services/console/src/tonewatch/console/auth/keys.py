"""API keys: what programs show instead of a cookie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, select, update

from tonewatch.console.auth.accounts import check_label_names
from tonewatch.console.auth.permissions import ALL_SCOPES, Permission, Role, scoped
from tonewatch.console.auth.principal import Principal, joined_labels
from tonewatch.console.auth.secrets import hash_of, is_token, new_key, parts_of_key
from tonewatch.console.auth.sessions import TOUCH_MS
from tonewatch.console.auth.tables import AccountRow, KeyRow
from tonewatch.shared.clock import iso_of, now_ms
from tonewatch.shared.database import Database
from tonewatch.shared.errors import ForbiddenError, NotFoundError


@dataclass(frozen=True, slots=True)
class KeyWish:
    """What a new key is to be."""

    name: str
    scopes: Sequence[str] = (ALL_SCOPES,)
    labels: Mapping[str, str] = field(default_factory=dict)
    expires_ms: int | None = None


class Keys:
    """Makes, finds and revokes keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, wish: KeyWish, creator: Principal) -> tuple[str, KeyRow]:
        """Make a key: how it is shown, this once, and its row.

        It can never do more than its creator may, now or later.

        Raises:
            InvalidInputError: a scope is unknown, or a label's name cannot be used.
            ForbiddenError: a scope or a label is beyond what the creator may.
        """
        check_label_names(wish.labels)
        allowed = scoped(creator.role, wish.scopes) & creator.permissions
        labels = joined_labels(wish.labels, creator.labels)
        if labels is None:
            raise ForbiddenError(f"labels: you are limited to {dict(creator.labels)} yourself")
        if not allowed - {Permission.SELF_READ} and Permission.SELF_READ not in wish.scopes:
            raise ForbiddenError("scopes: none of these is yours to give")
        scopes = list(wish.scopes)
        if creator.via == "key":
            # a key's own scopes bound those of the keys that it makes
            scopes = sorted(allowed)
        return await self._insert(wish, creator, scopes, labels)

    async def _insert(
        self, wish: KeyWish, creator: Principal, scopes: list[str], labels: Mapping[str, str]
    ) -> tuple[str, KeyRow]:
        key_id, secret, shown = new_key()
        row = KeyRow(
            id=key_id,
            secret_hash=hash_of(secret),
            name=wish.name,
            scopes=scopes,
            labels=dict(labels),
            account_id=creator.account_id,
            role=creator.role,
            created_by=creator.name,
            created_ms=now_ms(),
            expires_ms=wish.expires_ms,
            used_ms=None,
        )
        async with self._database.writing() as session:
            session.add(row)
        return shown, row

    async def find(self, shown: str) -> Principal | None:
        """Whose key this is; None if it opens nothing, or no longer."""
        parts = parts_of_key(shown)
        if parts is None:
            return None
        row, account = await self._row(parts[0])
        if row is None or not is_token(parts[1], row.secret_hash):
            return None
        return await self._used(row, account)

    async def again(self, key_id: str) -> Principal | None:
        """Whose key this is now; None if it has been revoked or has expired."""
        row, account = await self._row(key_id)
        return None if row is None else await self._used(row, account)

    async def _row(self, key_id: str) -> tuple[KeyRow | None, AccountRow | None]:
        query = (
            select(KeyRow, AccountRow)
            .join(AccountRow, AccountRow.id == KeyRow.account_id, isouter=True)
            .where(KeyRow.id == key_id)
        )
        async with self._database.reading() as session:
            found = (await session.execute(query)).first()
        return (None, None) if found is None else (found[0], found[1])

    async def _used(self, row: KeyRow, account: AccountRow | None) -> Principal | None:
        now = now_ms()
        if row.expires_ms is not None and row.expires_ms <= now:
            return None
        if row.used_ms is None or now - row.used_ms > TOUCH_MS:
            await self._touch(row.id, now)
        return _principal(row, account)

    async def of(self, principal: Principal, *, everybody: bool) -> Sequence[KeyRow]:
        """Somebody's own keys, or those of all, newest first."""
        query = select(KeyRow).order_by(KeyRow.created_ms.desc(), KeyRow.id)
        if not everybody:
            query = query.where(_belongs(principal))
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def revoke(self, principal: Principal, key_id: str) -> KeyRow:
        """Remove a key, which opens nothing from now on; whose permissions reach, anybody's.

        Raises:
            NotFoundError: there is no such key, or it is somebody else's.
        """
        query = delete(KeyRow).where(KeyRow.id == key_id)
        if not keeps_all_keys(principal):
            query = query.where(_belongs(principal))
        async with self._database.writing() as session:
            row: KeyRow | None = await session.scalar(query.returning(KeyRow))
        if row is None:
            raise NotFoundError(f"there is no key {key_id} of yours")
        return row

    async def _touch(self, key_id: str, now: int) -> None:
        async with self._database.writing() as session:
            await session.execute(update(KeyRow).where(KeyRow.id == key_id).values(used_ms=now))


def keeps_all_keys(principal: Principal) -> bool:
    """Whether somebody may see and revoke the keys of others."""
    return Permission.KEYS_WRITE in principal.permissions and not principal.labels


def _belongs(principal: Principal) -> Any:
    if principal.account_id is None:
        return KeyRow.account_id.is_(None) & (KeyRow.created_by == principal.name)
    return KeyRow.account_id == principal.account_id


def _principal(row: KeyRow, account: AccountRow | None) -> Principal | None:
    role = Role(row.role if account is None else account.role)
    labels = joined_labels(row.labels, {} if account is None else account.labels)
    if labels is None:
        return None  # its creator has since been limited to something else
    permissions = scoped(role, row.scopes)
    return Principal(row.name, role, permissions, "key", labels, row.account_id, row.id)


def shown_key(row: KeyRow) -> dict[str, Any]:
    """A key as answers show it, without its secret."""
    return {
        "id": row.id,
        "name": row.name,
        "scopes": row.scopes,
        "labels": row.labels,
        "created_by": row.created_by,
        "created_at": iso_of(row.created_ms),
        "expires_at": iso_of(row.expires_ms),
        "used_at": iso_of(row.used_ms),
    }
