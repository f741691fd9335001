"""What the server at the other end can do."""

from dataclasses import dataclass
from typing import Any, Final

from tonewatch.shared.errors import ConfigurationError

MINIMUM: Final = {"redis": (7, 0), "valkey": (7, 2)}
NEWER_COMMANDS: Final = ("XACKDEL", "XDELEX", "XNACK")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The server's kind and version, and which commands newer than 7.0 it has."""

    server: str
    version: tuple[int, ...]
    commands: frozenset[str]


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
    known = await _known_commands(client)
    return Capabilities(server, version, frozenset(known))


async def _known_commands(client: Any) -> list[str]:
    answers = await client.execute_command("COMMAND INFO", *NEWER_COMMANDS)
    if isinstance(answers, dict):
        return [name for name in NEWER_COMMANDS if name.lower() in answers]
    return [
        name for name, answer in zip(NEWER_COMMANDS, answers, strict=False) if answer is not None
    ]
