"""Who asks: a person who is signed in, or a program with a key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from starlette.requests import HTTPConnection

from tonewatch.console.auth.permissions import Permission, Role
from tonewatch.shared.errors import UnauthorizedError

Via = Literal["session", "key", "proxy", "oidc"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody whom we know, and what they may do now."""

    name: str
    role: Role
    permissions: frozenset[Permission]
    via: Via
    labels: Mapping[str, str] = field(default_factory=dict)
    """Only what carries all of these may be seen; without any, everything."""
    account_id: str | None = None
    credential: str = ""
    """Id of the session or key."""

    def sees(self, labels: Mapping[str, str]) -> bool:
        """Whether something with these labels may be shown."""
        return all(labels.get(name) == value for name, value in self.labels.items())

    @property
    def is_ambient(self) -> bool:
        """Whether the browser shows who it is by itself, even to a page of another site."""
        return self.via != "key"


def principal_of(request: HTTPConnection) -> Principal:
    """Who sent this request.

    Raises:
        UnauthorizedError: nobody; only possible on routes that are open to all.
    """
    found = possible_principal(request)
    if found is None:
        raise UnauthorizedError("sign in, or show an API key as Authorization: Bearer tw_...")
    return found


def possible_principal(request: HTTPConnection) -> Principal | None:
    """Who sent this request, if it is known."""
    found = request.scope.get("state", {}).get("principal")
    return found if isinstance(found, Principal) else None


def joined_labels(first: Mapping[str, str], second: Mapping[str, str]) -> Mapping[str, str] | None:
    """Limits that hold together; None if nothing can carry both."""
    if any(second.get(name, value) != value for name, value in first.items()):
        return None
    return {**first, **second}
