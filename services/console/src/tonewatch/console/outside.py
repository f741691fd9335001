"""What an operator sets so that people sign in elsewhere: at a reverse proxy, or at a provider."""

import ipaddress
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    SecretStr,
    StringConstraints,
)

RoleName = Literal["admin", "supervisor", "inspector", "agent"]

NOT_FOR_THIS: Final = frozenset({"authorization", "cookie", "host", "origin", "sec-fetch-site"})


def _unreserved(name: str) -> str:
    if name in NOT_FOR_THIS:
        raise ValueError(f"{name} already means something else")
    return name


HeaderName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]*$", to_lower=True),
    AfterValidator(_unreserved),
]


class RoleMapping(BaseModel):
    """Which role the groups of another system give here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    roles: dict[str, RoleName] = Field(
        default_factory=dict,
        description="Group there -> role here; of several the strongest counts",
    )
    default_role: RoleName | None = Field(
        default=None, description="Role of those without such a group; without it they stay outside"
    )
    limited_roles: frozenset[RoleName] = Field(
        default=frozenset({"agent"}),
        description="Roles that only see what carries the labels which are told of them; "
        "an agent always is one",
    )


class ProxyOptions(RoleMapping):
    """The part `proxy_auth` of the console's section."""

    trusted: frozenset[IPvAnyNetwork] = Field(
        min_length=1, description="Networks of the proxies that are believed, e.g. [10.0.0.5/32]"
    )
    user_header: HeaderName | None = Field(
        default=None,
        description="Header in which they say who asks, having taken away any that came in; "
        "without it they only tell address and scheme (X-Forwarded-For, X-Forwarded-Proto)",
    )
    groups_header: HeaderName | None = Field(
        default=None,
        description="Header with the groups, separated by commas, that `roles` gives roles to",
    )
    label_headers: dict[str, HeaderName] = Field(
        default_factory=dict, description="Label -> header with its value, for limited roles"
    )


def _confidential(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
        return url
    raise ValueError("must begin with https:// (http:// only on this machine, for tests)")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Issuer = Annotated[
    str, StringConstraints(pattern=r"^https?://[^\s?#]+$"), AfterValidator(_confidential)
]


class OidcOptions(RoleMapping):
    """The part `oidc` of the console's section."""

    issuer: Issuer = Field(
        description="Address of the provider, exactly as it names itself; "
        "its /.well-known/openid-configuration lies below"
    )
    client_id: str = Field(min_length=1, description="What the provider calls this console")
    client_secret: SecretStr | None = Field(
        default=None, description="The secret that goes with it; none for a public client"
    )
    display_name: str = Field(
        default="SSO", min_length=1, max_length=40, description="Name on the button of the page"
    )
    scopes: frozenset[str] = Field(
        default=frozenset({"openid", "profile", "email"}), description="What is asked for"
    )
    name_claim: str = Field(
        default="preferred_username", description="Claim of the ID token with the name to show"
    )
    groups_claim: str = Field(
        default="groups",
        description="Claim with the groups that `roles` gives roles to; a dot goes into an object",
    )
    label_claims: dict[str, str] = Field(
        default_factory=dict, description="Label -> claim with its value, for limited roles"
    )
