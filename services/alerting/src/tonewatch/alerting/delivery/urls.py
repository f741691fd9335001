"""Which URLs a webhook may have, and how they are shown: tokens in a query are secrets."""

import ipaddress
from typing import Final
from urllib.parse import SplitResult, urlsplit

from tonewatch.shared.egress import AddressPolicy
from tonewatch.shared.errors import ForbiddenAddressError, InvalidInputError

SCHEMES: Final = ("http", "https")


def check_url(url: str) -> str:
    """The URL, if it can be a webhook's.

    Raises:
        InvalidInputError: it is malformed, of another scheme, or carries a user name.
    """
    parts = _split(url)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise InvalidInputError("a webhook URL begins with http:// or https:// and names a host")
    if parts.username is not None or parts.password is not None:
        raise InvalidInputError(
            "a webhook URL carries no user name or password; requests are signed instead"
        )
    if any(character.isspace() or not character.isprintable() for character in url):
        raise InvalidInputError("a webhook URL has no spaces or control characters")
    return url


def check_target(url: str, policy: AddressPolicy) -> None:
    """Refuse early what the connection would refuse later: scheme, port, a literal address.

    Raises:
        ForbiddenAddressError: the operator has not allowed it.
    """
    parts = _split(url)
    host = parts.hostname or ""
    if not policy.permits_scheme(parts.scheme):
        raise ForbiddenAddressError(f"{parts.scheme}:// is not allowed; the operator wants https")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        addresses = [ipaddress.ip_address(host)]
    except ValueError:
        addresses = []
    if addresses or not policy.permits_port(port):
        policy.check_endpoint(host, port, addresses)


def shown(url: str) -> str:
    """The URL for answers and logs, without the values of its query."""
    parts = urlsplit(url)
    query = "?***" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}{query}"


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where the port is no number
    except ValueError as error:
        raise InvalidInputError(f"the webhook URL is malformed: {error}") from error
    return parts
