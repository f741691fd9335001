"""The suite's ports: the documented ones, or all of them moved by one offset."""

import socket
from dataclasses import dataclass, fields
from typing import Self

from tonewatch.shared.errors import ConfigurationError

HIGHEST_PORT = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where each part listens."""

    console: int = 7860
    ingest: int = 8080
    alerting: int = 8081
    storage: int = 8082
    inference: int = 8083
    receiver: int = 8090
    rtmp: int = 1935

    @classmethod
    def moved(cls, offset: int) -> Self:
        """All ports, each `offset` higher.

        Raises:
            ConfigurationError: a port would not be one.
        """
        ports = cls(**{name: port + offset for name, port in cls().by_name().items()})
        for name, port in ports.by_name().items():
            if not 1 <= port <= HIGHEST_PORT:
                raise ConfigurationError(
                    f"--port-offset {offset} puts {name} at port {port}; choose an offset that "
                    f"keeps all ports between 1 and {HIGHEST_PORT}"
                )
        return ports

    @property
    def rtmp_base(self) -> str:
        """Where encoders on this machine push to, less the stream key."""
        return f"rtmp://127.0.0.1:{self.rtmp}/live"

    def by_name(self) -> dict[str, int]:
        """The ports by the name of the part."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        # as servers do: a port whose old connections are still closing is free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def require_free(ports: dict[str, int]) -> None:
    """Return if all ports are free.

    Raises:
        ConfigurationError: some are not; the message names them.
    """
    taken = [f"{port} ({name})" for name, port in ports.items() if not is_free(port)]
    if taken:
        raise ConfigurationError(
            f"these ports are in use: {', '.join(taken)}; stop the program that uses them (maybe "
            f"another Tonewatch), or start with --port-offset 100"
        )
