"""/api/v1/users: accounts, for admins."""

from typing import Any

from fastapi import APIRouter, Request

from tonewatch.console.auth.accounts import shown_account
from tonewatch.console.auth.audit import Deed
from tonewatch.console.auth.door import Door
from tonewatch.console.auth.principal import principal_of
from tonewatch.console.auth.routes.forms import AccountChange, NewAccount, visitor_of
from tonewatch.shared.clock import iso_of


def account_routes(door: Door) -> APIRouter:
    """List, make, change and delete accounts; make one-time links for them."""
    router = APIRouter(prefix="/users", tags=["accounts"])

    async def note(request: Request, action: str, name: str, **detail: Any) -> None:
        deed = Deed(action, name, detail=detail)
        await door.audit.note(deed, principal_of(request), visitor_of(request).address)

    @router.get("")
    async def list_accounts() -> dict[str, Any]:
        """All accounts."""
        return {"items": list(map(shown_account, await door.accounts.all())), "next_cursor": None}

    @router.post("", status_code=201)
    async def add_account(request: Request, wish: NewAccount) -> dict[str, Any]:
        """Make an account; a one-time link lets its owner choose a password."""
        row = await door.accounts.add(wish.name, wish.role, wish.labels)
        await note(request, "account.added", row.name, role=row.role, labels=row.labels)
        return shown_account(row)

    @router.patch("/{account_id}")
    async def change_account(
        request: Request, account_id: str, wish: AccountChange
    ) -> dict[str, Any]:
        """Another role or other labels; 409 for the last admin."""
        row = await door.accounts.change(account_id, wish.role, wish.labels)
        await note(request, "account.changed", row.name, role=row.role, labels=row.labels)
        return shown_account(row)

    @router.delete("/{account_id}", status_code=204)
    async def delete_account(request: Request, account_id: str) -> None:
        """Remove an account with its sessions and keys; 409 for the last admin."""
        row = await door.accounts.delete(account_id)
        await note(request, "account.deleted", row.name)

    @router.post("/{account_id}/link")
    async def make_link(request: Request, account_id: str) -> dict[str, Any]:
        """A one-time link to choose a password; shown this once, earlier ones are void."""
        row = await door.accounts.get(account_id)
        link = await door.links.make(account_id)
        await note(request, "link.made", row.name)
        return {"link": link.path, "expires_at": iso_of(link.expires_ms)}

    return router
