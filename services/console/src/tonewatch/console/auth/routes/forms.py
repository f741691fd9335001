"""What these routes take in."""

from typing import Annotated

from fastapi import Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from tonewatch.console.auth.gate import address_of
from tonewatch.console.auth.passwords import LONGEST
from tonewatch.console.auth.permissions import ALL_SCOPES, Role
from tonewatch.console.auth.sessions import Visitor
from tonewatch.shared.messages import Labels

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Password = Annotated[str, Field(max_length=LONGEST, repr=False)]
Limits = Annotated[Labels, Field(max_length=8)]
"""Labels that somebody is limited to; storage takes as many in a query."""


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class SignIn(_Form):
    """Name and password."""

    name: str = Field(max_length=256)
    password: Password


class Link(_Form):
    """A one-time link."""

    token: str = Field(max_length=128, description="What stands behind # in the link")


class Welcome(Link):
    """What a one-time link is used for."""

    name: Name | None = Field(default=None, description="Of the first admin only")
    password: Password


class PasswordChange(_Form):
    """One's own password."""

    current: Password
    new: Password


class NewAccount(_Form):
    """An account, which gets its password by a one-time link."""

    name: Name
    role: Role
    labels: Limits = {}


class AccountChange(_Form):
    """What is left out stays as it is."""

    role: Role | None = None
    labels: Limits | None = None


class NewKey(_Form):
    """An API key."""

    name: Name
    scopes: list[str] = Field(
        default=[ALL_SCOPES], min_length=1, max_length=64, description="Permissions, or *"
    )
    labels: Limits = {}
    expires_at: AwareDatetime | None = None


def visitor_of(request: Request) -> Visitor:
    """From where and with what a request came."""
    return Visitor(address_of(request.scope), request.headers.get("user-agent", ""))
