"""A small OpenID provider on loopback: it signs with a real RSA key and checks PKCE.

A test says who is signed in there, and what is wrong with the token it hands out.
"""

import base64
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.responses import Response

from tests.support.running import running
from tonewatch.shared.broker import MemoryBroker
from tonewatch.shared.runtime import Service
from tonewatch.shared.settings import ServiceOptions, Settings

CLIENT_ID = "tonewatch"
CLIENT_SECRET = "s3cret:of+the/client"


class _ProviderSettings(Settings):
    fake: ServiceOptions = ServiceOptions(port=0)


class _ProviderService(Service[_ProviderSettings]):
    name: ClassVar[str] = "fake"

    def __init__(self, router: APIRouter) -> None:
        super().__init__(_ProviderSettings(), MemoryBroker(partitions=1))
        self._router = router

    def routers(self) -> list[APIRouter]:
        return [self._router]


@dataclass
class FakeProvider:
    """What it says of whoever comes, and what it was asked."""

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "u-1"})
    alter: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
    """Makes the token wrong."""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1"}))
    signs_with: RSAKey | None = None
    """Another key than the published one, for a token that is not its own."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    denies: bool = False

    def id_token(self, asked: dict[str, str]) -> str:
        """A signed token for whoever asked."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.claims,
        }
        header = {"alg": "RS256", "kid": "k1"}
        return jwt.encode(header, self.alter(claims), self.signs_with or self.key)

    def console_options(self, **changes: Any) -> dict[str, Any]:
        """The part `oidc` of the console's section."""
        secret = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        return {"issuer": self.issuer, **secret, "roles": {"qa": "inspector"}, **changes}


@asynccontextmanager
async def fake_provider() -> AsyncIterator[FakeProvider]:
    """The provider at work on a free port."""
    provider = FakeProvider()
    async with running(_ProviderService(_router(provider))) as url:
        provider.issuer = url
        yield provider


def _router(provider: FakeProvider) -> APIRouter:
    router = APIRouter()

    @router.get("/.well-known/openid-configuration")
    async def discovery() -> dict[str, Any]:
        return {
            "issuer": provider.issuer,
            "authorization_endpoint": f"{provider.issuer}/authorize",
            "token_endpoint": f"{provider.issuer}/token",
            "jwks_uri": f"{provider.issuer}/keys",
        }

    @router.get("/keys")
    async def keys() -> Any:
        return KeySet([provider.key]).as_dict(private=False)

    @router.get("/authorize")
    async def authorize(request: Request) -> Response:
        asked = dict(request.query_params)
        provider.asked.append(asked)
        answer = {"state": asked["state"], "iss": provider.issuer}
        if provider.denies:
            answer["error"] = "access_denied"
        else:
            answer["code"] = secrets.token_urlsafe(16)
            provider.codes[answer["code"]] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", status_code=303)

    @router.post("/token")
    async def token(
        request: Request,
        code: Annotated[str, Form()],
        code_verifier: Annotated[str, Form()],
        redirect_uri: Annotated[str, Form()],
        grant_type: Annotated[str, Form()],
    ) -> Response:
        asked = provider.codes.pop(code, None)  # a code works once
        shown = request.headers.get("authorization", "").removeprefix("Basic ")
        expected = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        digest = hashlib.sha256(code_verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            asked is None
            or shown != expected
            or asked["code_challenge"] != challenge
            or asked["code_challenge_method"] != "S256"
            or asked["redirect_uri"] != redirect_uri
            or grant_type != "authorization_code"
        ):
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        tokens = {"access_token": "at", "token_type": "Bearer", "expires_in": 300}
        return JSONResponse({**tokens, "id_token": provider.id_token(asked)})

    return router
