"""The webhooks: those that the settings declare, and those added through the API."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from tonewatch.alerting.delivery.clock import now_ms
from tonewatch.alerting.delivery.database import Database
from tonewatch.alerting.delivery.signing import check_secret, new_secret
from tonewatch.alerting.delivery.tables import WebhookRow
from tonewatch.alerting.delivery.urls import check_literal_address, check_url
from tonewatch.alerting.settings import DeclaredWebhook
from tonewatch.shared.egress import AddressPolicy
from tonewatch.shared.errors import ConflictError, NotFoundError
from tonewatch.shared.ids import derived_id, new_id

MAX_WEBHOOKS: Final = 200


class Webhooks:
    """Reads and writes webhooks."""

    def __init__(self, database: Database, policy: AddressPolicy) -> None:
        self._database = database
        self._policy = policy

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
                values = {
                    "name": item.name,
                    "url": item.url,
                    "secret": item.secret.get_secret_value(),
                    "declared": True,
                    "enabled": True,
                    "disabled_reason": "",
                }
                if webhook_id in known:
                    where = update(WebhookRow).where(WebhookRow.id == webhook_id)
                    await session.execute(where.values(**values))
                else:
                    await session.execute(insert(WebhookRow), [_row_values(webhook_id, values)])

    async def add(self, name: str, url: str, secret: str | None) -> tuple[WebhookRow, str]:
        """Add a webhook; returns it with its secret, which is never shown again.

        Raises:
            InvalidInputError: URL or secret are malformed.
            ForbiddenAddressError: the URL names an address that is not allowed.
            ConflictError: the name is taken, or there are too many.
        """
        check_url(url)
        check_literal_address(url, self._policy)
        if secret is not None:
            check_secret(secret)
        chosen = secret or new_secret()
        if len(await self.list()) >= MAX_WEBHOOKS:
            raise ConflictError(f"there are {MAX_WEBHOOKS} webhooks, which is the most")
        values = _row_values(new_id(), {"name": name, "url": url, "secret": chosen})
        async with self._database.writing() as session:
            try:
                await session.execute(insert(WebhookRow), [values])
            except IntegrityError as error:
                await session.rollback()
                raise ConflictError(f'there is a webhook named "{name}" already') from error
        return await self.get(values["id"]), chosen

    async def remove(self, webhook_id: str) -> None:
        """Remove a webhook.

        Raises:
            NotFoundError: there is no such webhook.
            ConflictError: the settings declare it.
        """
        row = await self.get(webhook_id)
        if row.declared:
            raise ConflictError(
                f'webhook "{row.name}" is declared in the settings; remove it there'
            )
        async with self._database.writing() as session:
            await session.execute(delete(WebhookRow).where(WebhookRow.id == webhook_id))

    async def disable(self, webhook_id: str, reason: str) -> None:
        """Send nothing to it any more."""
        async with self._database.writing() as session:
            await session.execute(
                update(WebhookRow)
                .where(WebhookRow.id == webhook_id)
                .values(enabled=False, disabled_reason=reason)
            )

    async def list(self) -> Sequence[WebhookRow]:
        """All webhooks, oldest first."""
        async with self._database.reading() as session:
            query = select(WebhookRow).order_by(WebhookRow.created_ms, WebhookRow.id)
            return (await session.scalars(query)).all()

    async def find(self, webhook_id: str) -> WebhookRow | None:
        """A webhook, if it exists."""
        async with self._database.reading() as session:
            return await session.get(WebhookRow, webhook_id)

    async def get(self, webhook_id: str) -> WebhookRow:
        """A webhook.

        Raises:
            NotFoundError: there is no such webhook.
        """
        row = await self.find(webhook_id)
        if row is None:
            raise NotFoundError(f"there is no webhook {webhook_id}")
        return row


def _row_values(webhook_id: str, values: dict[str, Any]) -> dict[str, Any]:
    base = {"id": webhook_id, "declared": False, "enabled": True, "disabled_reason": ""}
    return {**base, "created_ms": now_ms(), **values}
