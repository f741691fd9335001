"""Where the console sends a request of the public API, for tests that have only the owner."""

from typing import Final

from tonewatch.console.auth.access import methods_of
from tonewatch.console.forward import RESOURCES

PREFIX: Final = "/api/v1/"


def forwarded(method: str, address: str) -> tuple[str, str]:
    """Owner of the resource, and the path it is asked for; fails where the console would refuse."""
    assert address.startswith(PREFIX), address
    path, mark, query = address.removeprefix(PREFIX).partition("?")
    name, *rest = path.split("/")
    resource = RESOURCES[name]
    assert method in methods_of(PREFIX + path), f"{method} {address}"
    return resource.owner, "/".join(["/v1", resource.name or name, *rest]) + mark + query
