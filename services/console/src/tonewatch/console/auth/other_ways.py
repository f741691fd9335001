"""The optional ways in beside password and key: a reverse proxy, an identity provider."""

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI

from tonewatch.console.auth.door import Door
from tonewatch.console.auth.gate import Identify
from tonewatch.console.auth.proxy import ProxyAuth, TrustedProxy
from tonewatch.console.settings import ConsoleOptions
from tonewatch.shared.errors import ConfigurationError
from tonewatch.shared.http import create_client


class SignInElsewhere:
    """What the settings ask for of them; nothing by default.

    Raises:
        ConfigurationError: the provider is set, but not where it sends people back to, or the
            package lacks the extra for it.
    """

    def __init__(self, options: ConsoleOptions, door: Door) -> None:
        self._options = options
        self._door = door
        self._client = None if options.oidc is None else create_client()
        if options.oidc is not None and options.public_url is None:
            raise ConfigurationError(
                "console.oidc needs console.public_url: the provider sends people back there"
            )

    @property
    def provider_name(self) -> str | None:
        """What the page calls the provider."""
        return None if self._options.oidc is None else self._options.oidc.display_name

    @property
    def identify(self) -> Sequence[Identify]:
        """Who else can tell who sent a request."""
        options = self._options.proxy_auth
        return [] if options is None or options.user_header is None else [ProxyAuth(options)]

    def routers(self) -> Sequence[APIRouter]:
        """The way to the provider and back."""
        options, url, client = self._options.oidc, self._options.public_url, self._client
        if options is None or url is None or client is None:
            return []
        try:
            from tonewatch.console.auth.oidc import SingleSignOn  # noqa: PLC0415 - optional
        except ImportError as error:
            raise ConfigurationError(
                "console.oidc needs the extra: pip install 'tonewatch-console[oidc]'"
            ) from error
        return [SingleSignOn(options, client, self._door, public_url=url).router()]

    def extend(self, app: FastAPI) -> None:
        """Outermost, where trusted proxies are believed; to be called last."""
        if self._options.proxy_auth is not None:
            app.add_middleware(TrustedProxy, options=self._options.proxy_auth)

    async def close(self) -> None:
        """Release the connections."""
        if self._client is not None:
            await self._client.aclose()
