"""The embedded broker: a Redis or Valkey server on a unix socket, its data in the data folder."""

import contextlib
import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.errors import ConfigurationError, UnavailableError
from tonewatch.shared.redis_client import RedisOptions, create_redis
from tonewatch.suite.child import Child, Stage

LONGEST_SOCKET_PATH: Final = 100
"""The kernel takes 107 bytes."""


@dataclass(frozen=True, slots=True)
class BrokerServer:
    """One server program, with one data folder."""

    program: str
    folder: Path

    @property
    def socket(self) -> Path:
        """Where it listens: in its folder, or in a private temporary one if that path is long."""
        path = self.folder / "broker.sock"
        if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
            return path
        name = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"tonewatch-{os.getuid()}-{name}" / "broker.sock"

    @property
    def url(self) -> str:
        """What services connect to."""
        return f"unix://{self.socket}"

    def prepare(self) -> None:
        """Make the folders, for this user only.

        Raises:
            ConfigurationError: the socket's folder is somebody else's, who could read all audio.
        """
        for folder in (self.folder, self.socket.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = self.socket.parent.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise ConfigurationError(
                f"{self.socket.parent} belongs to another user; remove it, or choose a data folder "
                f"with a shorter path"
            )
        self.socket.parent.chmod(0o700)

    def clean_up(self) -> None:
        """Remove the temporary folder, if there was one."""
        if self.socket.parent != self.folder:
            with contextlib.suppress(OSError):
                self.socket.parent.rmdir()

    def child(self) -> Child:
        """The process; it ends last."""
        return Child(
            name="broker", argv=tuple(self._argv()), stage=Stage.BROKER, ready=self.not_ready
        )

    def _argv(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            # a full broker has to refuse frames, which ingest counts; it must not forget some
            "maxmemory-policy": "noeviction",
            "loglevel": "warning",
        }
        return [self.program, *(part for k, v in options.items() for part in (f"--{k}", v))]

    async def not_ready(self) -> str | None:
        """None once it answers."""
        broker = self.connect("suite")
        try:
            await broker.ping()
        except UnavailableError as error:
            return error.message
        finally:
            await broker.close()
        return None

    def connect(self, name: str, partitions: int = 16) -> RedisBroker:
        """A client of it; the caller closes it."""
        options = RedisOptions(url=SecretStr(self.url))
        client = create_redis(options, f"tonewatch-{name}")
        return RedisBroker(client, partitions=partitions)
