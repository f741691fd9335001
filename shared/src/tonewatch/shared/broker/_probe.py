"""What the server at the other end can do."""

from dataclasses import dataclass
from typing import Any, Final

from tonewatch.shared.errors import ConfigurationError

MINIMUM: Final = {"redis": (7, 0), "valkey": (7, 2)}


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The server's kind and version."""

    server: str
    version: tuple[int, ...]


async def probe(client: Any) -> Capabilities:
    """Ask the server what it is.

    Raises:
        ConfigurationError: it is older than Redis 7.0 or Valkey 7.2.
    """
    info = await client.info("server")
    if "redis_version" not in info:  # a cluster answers node by node; all nodes are alike
        info = next(iter(info.values()))
    server = "valkey" if "valkey_version" in info else "redis"
    text = str(info[f"{server}_version"])
    version = tuple(int(part) for part in text.split(".")[:3] if part.isdigit())
    if version < MINIMUM[server]:
        needed = ".".join(map(str, MINIMUM[server]))
        raise ConfigurationError(
            f"{server} {text} is too old for Tonewatch: {needed} or newer is needed"
        )
    return Capabilities(server, version)
