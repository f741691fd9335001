"""POST /api/v1/auth/link: what the page behind a one-time link has to ask for."""

from typing import Any

from fastapi import APIRouter, Request

from tonewatch.console.auth.door import Door, address_of
from tonewatch.console.auth.routes.forms import Link, visitor_of


def link_routes(door: Door) -> APIRouter:
    """Looks at a link without using it."""
    router = APIRouter(prefix="/auth", tags=["sign-in"])

    @router.post("/link")
    async def link(request: Request, form: Link) -> dict[str, Any]:
        """Whose one-time link it is; null if it makes the first admin, who chooses a name."""
        subject = address_of(visitor_of(request))
        door.limiter.attempt([subject])
        account = await door.links.account_of(form.token)
        door.limiter.forgive(subject)
        return {"name": None if account is None else account.name}

    return router
