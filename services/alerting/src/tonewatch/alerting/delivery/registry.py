"""The subscriptions: those that the settings declare, and those added through the API."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from tonewatch.alerting.delivery.database import require
from tonewatch.alerting.delivery.signing import check_secret, new_secret
from tonewatch.alerting.delivery.subscriptions import DeclaredWebhook
from tonewatch.alerting.delivery.tables import WebhookRow
from tonewatch.alerting.delivery.urls import check_target, check_url
from tonewatch.shared.clock import now_ms
from tonewatch.shared.database import Database
from tonewatch.shared.egress import AddressPolicy
from tonewatch.shared.errors import ConflictError
from tonewatch.shared.ids import derived_id, new_id

MAX_WEBHOOKS: Final = 200


class Webhooks:
    """Reads and writes subscriptions; `version` grows with every write of this replica."""

    def __init__(self, database: Database, policy: AddressPolicy) -> None:
        self._database = database
        self._policy = policy
        self.version = 0

    async def declare(self, declared: Iterable[DeclaredWebhook]) -> None:
        """Bring the declared webhooks to what the settings say; others are left alone.

        A declared webhook is enabled again: naming it is the operator's word that it works.
        """
        wanted = {derived_id("webhook", item.name): item for item in declared}
        names = [item.name for item in wanted.values()]
        async with self._database.writing() as session:
            await session.execute(
                delete(WebhookRow).where(
                    (WebhookRow.declared & WebhookRow.id.not_in(wanted))
                    # one of that name, added through the API before: the settings win
                    | (~WebhookRow.declared & WebhookRow.name.in_(names))
                )
            )
            known = set(await session.scalars(select(WebhookRow.id)))
            for webhook_id, item in wanted.items():
                values = item.row_values() | {"disabled_reason": ""}
                if webhook_id in known:
                    where = update(WebhookRow).where(WebhookRow.id == webhook_id)
                    await session.execute(where.values(**values))
                else:
                    await session.execute(insert(WebhookRow), [_row_values(webhook_id, values)])
        self.version += 1

    async def add(self, values: dict[str, Any], secret: str | None) -> tuple[WebhookRow, str]:
        """Add a subscription; returns it with its secret, which is never shown again.

        Args:
            values: of the row's columns, `name` and `url` at least.
            secret: chosen by the caller, or None for a new one.

        Raises:
            InvalidInputError: URL or secret are malformed.
            ForbiddenAddressError: the URL names an address or port that is not allowed.
            ConflictError: the name is taken, or there are too many.
        """
        self._check_url(values["url"])
        chosen = _checked(secret)
        if len(await self.list()) >= MAX_WEBHOOKS:
            raise ConflictError(f"there are {MAX_WEBHOOKS} webhooks, which is the most")
        row_values = _row_values(new_id(), {**values, "secret": chosen})
        async with self._database.writing() as session:
            try:
                await session.execute(insert(WebhookRow), [row_values])
            except IntegrityError as error:
                raise _name_is_taken(values["name"]) from error
        self.version += 1
        return await self.get(row_values["id"]), chosen

    async def change(self, webhook_id: str, values: dict[str, Any]) -> WebhookRow:
        """Change columns of a subscription.

        Raises:
            NotFoundError: there is no such webhook.
            ConflictError: the settings declare it (only `enabled` can be changed then), or the
                name is taken.
            InvalidInputError, ForbiddenAddressError: as `add`.
        """
        row = await self.get(webhook_id)
        if row.declared and set(values) - {"enabled", "disabled_reason"}:
            raise _is_declared(row, "change")
        if "url" in values:
            self._check_url(values["url"])
        if values:
            await self._update(row, values)
        return await self.get(webhook_id)

    async def rotate(
        self, webhook_id: str, secret: str | None, keep_seconds: float
    ) -> tuple[WebhookRow, str]:
        """Give a subscription a new secret; the old one signs as well for so long.

        Raises:
            NotFoundError, ConflictError, InvalidInputError: as `change` and `add`.
        """
        row = await self.get(webhook_id)
        if row.declared:
            raise _is_declared(row, "rotate its secret")
        chosen = _checked(secret)
        values = {
            "secret": chosen,
            "old_secret": row.secret,
            "old_secret_until_ms": now_ms() + round(keep_seconds * 1000),
        }
        await self._update(row, values)
        return await self.get(webhook_id), chosen

    async def remove(self, webhook_id: str) -> WebhookRow:
        """Remove a subscription; returns what it was.

        Raises:
            NotFoundError: there is no such webhook.
            ConflictError: the settings declare it.
        """
        row = await self.get(webhook_id)
        if row.declared:
            raise _is_declared(row, "remove")
        async with self._database.writing() as session:
            await session.execute(delete(WebhookRow).where(WebhookRow.id == webhook_id))
        self.version += 1
        return row

    async def disable(self, webhook_id: str, reason: str) -> None:
        """Send nothing to it any more."""
        async with self._database.writing() as session:
            await session.execute(
                update(WebhookRow)
                .where(WebhookRow.id == webhook_id)
                .values(enabled=False, disabled_reason=reason)
            )
        self.version += 1

    async def list(self) -> Sequence[WebhookRow]:
        """All subscriptions, oldest first."""
        async with self._database.reading() as session:
            query = select(WebhookRow).order_by(WebhookRow.created_ms, WebhookRow.id)
            return (await session.scalars(query)).all()

    async def get(self, webhook_id: str) -> WebhookRow:
        """A subscription.

        Raises:
            NotFoundError: there is no such webhook.
        """
        async with self._database.reading() as session:
            return await require(session, WebhookRow, webhook_id, "webhook")

    async def _update(self, row: WebhookRow, values: dict[str, Any]) -> None:
        async with self._database.writing() as session:
            try:
                await session.execute(
                    update(WebhookRow).where(WebhookRow.id == row.id).values(**values)
                )
            except IntegrityError as error:
                raise _name_is_taken(values.get("name", row.name)) from error
        self.version += 1

    def _check_url(self, url: str) -> None:
        check_url(url)
        check_target(url, self._policy)


def _checked(secret: str | None) -> str:
    if secret is not None:
        check_secret(secret)
    return secret or new_secret()


def _is_declared(row: WebhookRow, verb: str) -> ConflictError:
    return ConflictError(f'webhook "{row.name}" is declared in the settings; {verb} there')


def _name_is_taken(name: str) -> ConflictError:
    return ConflictError(f'there is a webhook named "{name}" already')


def _row_values(webhook_id: str, values: dict[str, Any]) -> dict[str, Any]:
    base = {"id": webhook_id, "declared": False, "enabled": True, "disabled_reason": ""}
    return {**base, "created_ms": now_ms(), **values}
