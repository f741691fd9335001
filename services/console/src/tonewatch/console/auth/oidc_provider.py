"""The identity provider: where it is, its keys, and what it says of somebody who was there.

Authorisation code flow with PKCE (RFC 7636), state and nonce, as OpenID Connect Core 3.1 and
RFC 9700 describe it; requests and client authentication are Authlib's.
"""

import secrets
from typing import Any, Final
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.client import OAuth2Client
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tonewatch.console.auth.mapping import Voucher
from tonewatch.console.auth.oidc_token import checked_claims, voucher_of
from tonewatch.console.outside import OidcOptions
from tonewatch.shared.errors import UnauthorizedError, UnavailableError
from tonewatch.shared.http import AsyncClient, HTTPError

FORM_HEADERS: Final = {
    "Accept": "application/json",
    "Content-Type": "application/x-www-form-urlencoded",
}


class Flow(BaseModel):
    """A sign-in under way; the browser keeps it in a cookie until it comes back."""

    model_config = ConfigDict(frozen=True)

    state: str = Field(default_factory=lambda: secrets.token_urlsafe(32))
    nonce: str = Field(default_factory=lambda: secrets.token_urlsafe(32))
    verifier: str = Field(default_factory=lambda: secrets.token_urlsafe(64))
    back: str


class _Discovered(BaseModel):
    """What we need of the provider's own description."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]


class Provider:
    """Sends people to the provider and understands what it says when they return."""

    def __init__(self, options: OidcOptions, client: AsyncClient, *, redirect_uri: str) -> None:
        self._options = options
        self._client = client
        self._redirect_uri = redirect_uri

    async def address(self, flow: Flow) -> str:
        """Where the browser goes to sign in.

        Raises:
            UnavailableError: the provider cannot be asked where that is.
        """
        found = await self._discover()
        url, _ = self._oauth(found).create_authorization_url(
            found.authorization_endpoint,
            state=flow.state,
            nonce=flow.nonce,
            code_verifier=flow.verifier,
        )
        return str(url)

    async def voucher(self, flow: Flow, code: str) -> Voucher:
        """What the provider says of whoever came back with this code.

        Raises:
            UnauthorizedError: it gives no token for the code, or one that is not for us, not for
                this flow, not its own, or too old.
            UnavailableError: it does not answer.
        """
        found = await self._discover()
        token = await self._token(found, flow, code)
        keys = await self._json(found.jwks_uri)
        claims = checked_claims(token, keys, self._options, nonce=flow.nonce)
        return voucher_of(claims, self._options)

    async def _discover(self) -> _Discovered:
        base = self._options.issuer.rstrip("/")
        body = await self._json(f"{base}/.well-known/openid-configuration")
        try:
            found = _Discovered.model_validate(body)
        except ValidationError as error:
            raise UnavailableError("the provider's description lacks an address") from error
        if found.issuer != self._options.issuer:
            raise UnavailableError(
                f"the provider calls itself {found.issuer}; console.oidc.issuer must be the same"
            )
        return found

    async def _token(self, found: _Discovered, flow: Flow, code: str) -> dict[str, Any]:
        oauth = self._oauth(found)
        form = urlencode(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._redirect_uri,
                "code_verifier": flow.verifier,
            }
        )
        signed = oauth.client_auth(oauth.token_endpoint_auth_method).prepare
        url, headers, body = signed("POST", found.token_endpoint, dict(FORM_HEADERS), form)
        try:
            answer = await self._client.post(url, headers=headers, content=body)
            token: dict[str, Any] = oauth.parse_response_token(answer)
        except HTTPError as error:
            raise UnavailableError(f"the provider does not answer: {error}") from error
        except (OAuth2Error, ValueError) as error:
            raise UnauthorizedError(f"the provider gives no token: {error}") from error
        return token

    async def _json(self, url: str) -> Any:
        try:
            return (await self._client.get(url)).raise_for_status().json()
        except (HTTPError, ValueError) as error:
            raise UnavailableError(f"the provider does not answer at {url}: {error}") from error

    def _oauth(self, found: _Discovered) -> OAuth2Client:
        secret = self._options.client_secret
        methods = found.token_endpoint_auth_methods_supported
        basic, post = "client_secret_basic", "client_secret_post"
        return OAuth2Client(
            session=None,
            client_id=self._options.client_id,
            client_secret=secret and secret.get_secret_value(),
            token_endpoint_auth_method=(basic if basic in methods else post) if secret else "none",
            scope=" ".join(sorted(self._options.scopes | {"openid"})),
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
        )
