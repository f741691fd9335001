"""The client for addresses that users name, against a real receiver."""

import ipaddress
from datetime import timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tonewatch.shared import egress
from tonewatch.shared.egress import AddressPolicy, EgressPolicy
from tonewatch.shared.errors import ForbiddenAddressError
from tonewatch.shared.http import HTTPError, create_guarded_client

LOOPBACK = AddressPolicy(allow=(ipaddress.ip_network("127.0.0.0/8"),))
TIMEOUT = timedelta(seconds=2)


async def test_an_allowed_address_is_reached(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    async with create_guarded_client(LOOPBACK, timeout=TIMEOUT) as client:
        assert (await client.post(httpserver.url_for("/hook"))).text == "ok"


async def test_a_private_address_is_refused_before_a_connection(httpserver: HTTPServer) -> None:
    async with create_guarded_client(AddressPolicy(), timeout=TIMEOUT) as client:
        with pytest.raises(ForbiddenAddressError):
            await client.post(httpserver.url_for("/hook"))
    assert httpserver.log == []


async def test_a_name_that_resolves_differently_the_second_time_gains_nothing(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the address that is checked is the address that is connected to."""
    answers = iter(["8.8.8.8", "127.0.0.1"])
    connected: list[str] = []

    async def rebinding(_host: str, _port: int) -> list[Any]:
        return [ipaddress.ip_address(next(answers))]

    async def connect(_self: object, host: str, *_rest: object) -> None:
        connected.append(host)
        raise ForbiddenAddressError("not in a test")

    monkeypatch.setattr(egress, "resolve", rebinding)
    monkeypatch.setattr("httpcore.AnyIOBackend.connect_tcp", connect)
    async with create_guarded_client(AddressPolicy(), timeout=TIMEOUT) as client:
        for _ in range(2):
            with pytest.raises(ForbiddenAddressError):
                await client.post(f"http://rebind.test:{httpserver.port}/")
    assert connected == ["8.8.8.8"]


async def test_redirects_are_not_followed(httpserver: HTTPServer) -> None:
    def redirect(_request: Request) -> Response:
        return Response(status=302, headers={"Location": "/elsewhere"})

    httpserver.expect_request("/hook").respond_with_handler(redirect)
    async with create_guarded_client(LOOPBACK, timeout=TIMEOUT) as client:
        assert (await client.post(httpserver.url_for("/hook"))).status_code == 302
    assert len(httpserver.log) == 1


async def test_an_unknown_name_is_a_connection_error() -> None:
    async with create_guarded_client(LOOPBACK, timeout=TIMEOUT) as client:
        with pytest.raises(HTTPError, match="does not resolve"):
            await client.get("http://no-such-host.invalid/")


async def test_a_scheme_or_port_that_is_not_allowed_is_refused(httpserver: HTTPServer) -> None:
    for limits in ({"https_only": True}, {"ports": ("443",)}):
        policy = EgressPolicy(allow=("127.0.0.0/8",), **limits)
        async with create_guarded_client(policy, timeout=TIMEOUT) as client:
            with pytest.raises(ForbiddenAddressError):
                await client.post(httpserver.url_for("/hook"))
    assert httpserver.log == []
