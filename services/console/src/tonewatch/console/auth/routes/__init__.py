"""The routes of sign-in under /api/v1: one's own, accounts, keys, and the audit log."""

from fastapi import APIRouter

from tonewatch.console.auth.door import Door
from tonewatch.console.auth.first import FirstSignIn
from tonewatch.console.auth.routes.accounts import account_routes
from tonewatch.console.auth.routes.audit import audit_routes
from tonewatch.console.auth.routes.keys import key_routes
from tonewatch.console.auth.routes.links import link_routes
from tonewatch.console.auth.routes.own import own_routes
from tonewatch.console.auth.routes.sign_in import sign_in_routes


def auth_router(door: Door, first: FirstSignIn, public_url: str | None) -> APIRouter:
    """All of them."""
    router = APIRouter(prefix="/api/v1")
    router.include_router(sign_in_routes(door, first, public_url))
    router.include_router(link_routes(door))
    router.include_router(own_routes(door))
    router.include_router(account_routes(door))
    router.include_router(key_routes(door))
    router.include_router(audit_routes(door))
    return router
