"""Connections of other protocols and of libraries in threads: checked when they are made."""

import asyncio
import ipaddress
import smtplib
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tonewatch.shared import egress
from tonewatch.shared.egress import AddressPolicy, EgressPolicy, connect, guarded_thread
from tonewatch.shared.errors import ForbiddenAddressError, InvalidInputError

PUBLIC = AddressPolicy()
LOOPBACK = EgressPolicy(allow=("127.0.0.0/8",))


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A server that says one line of HTTP to everybody and counts nobody."""

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.0 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_an_allowed_address_is_connected_to(port: int) -> None:
    with await connect(LOOPBACK, "localhost", port) as opened:
        assert opened.getpeername() == ("127.0.0.1", port)


async def test_no_other_address_port_or_name_is(port: int) -> None:
    with pytest.raises(ForbiddenAddressError, match="localhost"):
        await connect(PUBLIC, "localhost", port)
    with pytest.raises(ForbiddenAddressError, match="port 25"):
        await connect(LOOPBACK, "localhost", 25)
    with pytest.raises(InvalidInputError, match="does not resolve"):
        await connect(LOOPBACK, "no-such-host.invalid", port)


async def test_a_socket_goes_to_the_address_that_was_checked(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: a second answer of another address is never asked for."""
    answers = iter(["127.0.0.2", "127.0.0.1"])
    asked: list[str] = []

    async def rebinding(host: str, _port: int) -> list[Any]:
        asked.append(host)
        return [ipaddress.ip_address(next(answers))]

    monkeypatch.setattr(egress, "resolve", rebinding)
    only_the_first = EgressPolicy(allow=("127.0.0.2/32",))
    with pytest.raises(ConnectionRefusedError, match=r"127\.0\.0\.2"):  # where nobody listens
        await connect(only_the_first, "rebind.test", port)
    with pytest.raises(ForbiddenAddressError):
        await connect(only_the_first, "rebind.test", port)
    assert len(asked) == 2


def fetch(port: int) -> int:
    with urllib.request.urlopen(f"http://localhost:{port}/", timeout=5) as answer:
        status: int = answer.status
        return status


def guarded(policy: AddressPolicy, *arguments: Any, call: Any) -> tuple[Any, list[str]]:
    """What a call in a guarded thread returned or raised, and what was refused."""
    with guarded_thread(policy) as refused:
        try:
            return call(*arguments), refused
        except OSError as error:
            return error, refused


async def test_a_guarded_thread_reaches_what_is_allowed(port: int) -> None:
    status, refused = await asyncio.to_thread(guarded, LOOPBACK, port, call=fetch)
    assert (status, refused) == (204, [])


@pytest.mark.parametrize("call", [fetch, lambda port: smtplib.SMTP("localhost", port, timeout=5)])
async def test_whatever_library_it_uses_it_reaches_nothing_else(port: int, call: Any) -> None:
    error, refused = await asyncio.to_thread(guarded, PUBLIC, port, call=call)
    assert isinstance(error, OSError)
    assert any("is not an allowed address" in reason for reason in refused)


async def test_a_name_that_resolves_to_something_else_later_gains_nothing_in_a_thread(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check is of the connection, whatever was looked up before it."""
    answers = iter(["8.8.8.8", "127.0.0.1"])

    def rebinding(_host: str, at: int, *_rest: Any, **_more: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), at))]

    def look_then_fetch(at: int) -> int:
        PUBLIC.check("rebind.test", [ipaddress.ip_address(rebinding("rebind.test", at)[0][4][0])])
        return fetch(at)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    error, refused = await asyncio.to_thread(guarded, PUBLIC, port, call=look_then_fetch)
    assert isinstance(error, OSError)
    assert "127.0.0.1" in refused[0]


async def test_a_guarded_thread_opens_no_unix_socket_and_starts_no_process(tmp_path: Path) -> None:
    def unix() -> None:
        with socket.socket(socket.AF_UNIX) as opened:
            opened.connect(str(tmp_path / "socket"))

    def run() -> None:
        subprocess.run([sys.executable, "-c", ""], check=True)

    for call in (unix, run):
        error, refused = await asyncio.to_thread(guarded, LOOPBACK, call=call)
        assert isinstance(error, PermissionError)
        assert len(refused) == 1


async def test_other_threads_are_not_guarded_nor_is_this_one_afterwards(port: int) -> None:
    inside, outside = threading.Event(), threading.Event()

    def stay_inside() -> None:
        with guarded_thread(PUBLIC):
            inside.set()
            outside.wait(10)

    staying = asyncio.create_task(asyncio.to_thread(stay_inside))
    await asyncio.to_thread(inside.wait, 10)
    assert await asyncio.to_thread(fetch, port) == 204
    outside.set()
    await staying

    def guarded_then_free() -> int:
        with guarded_thread(PUBLIC):
            pass
        return fetch(port)

    assert await asyncio.to_thread(guarded_then_free) == 204
