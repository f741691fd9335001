"""What a proxy says of people counts when it comes from the proxy, and is refused otherwise."""

from typing import Any

import pytest
from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from tonewatch.console.auth.permissions import ROLES, Role
from tonewatch.console.auth.proxy import PEER, ProxyAuth, TrustedProxy
from tonewatch.console.outside import ProxyOptions
from tonewatch.shared.errors import ForbiddenError

PROXY = "10.0.0.5"


def options(**changes: Any) -> ProxyOptions:
    values = {
        "trusted": [f"{PROXY}/32", "fd00::/8"],
        "user_header": "X-Remote-User",
        "groups_header": "X-Remote-Groups",
        "roles": {"qa": "inspector", "agents": "agent"},
        "label_headers": {"agent_id": "X-Remote-Number"},
    }
    return ProxyOptions.model_validate({**values, **changes})


def headers(*pairs: tuple[str, str]) -> Headers:
    return Headers(raw=[(name.lower().encode(), text.encode()) for name, text in pairs])


QA = (("X-Remote-User", "王芳"), ("X-Remote-Groups", "others, qa"))


@pytest.mark.parametrize("peer", [PROXY, f"::ffff:{PROXY}", "fd00::1"])
def test_a_trusted_proxy_says_who_it_is(peer: str) -> None:
    found = ProxyAuth(options()).identify(headers(*QA), peer)
    assert found is not None
    assert (found.name, found.role, found.via) == ("王芳", Role.INSPECTOR, "proxy")
    assert found.permissions == ROLES[Role.INSPECTOR]
    assert found.is_ambient


@pytest.mark.parametrize("peer", ["10.0.0.6", "127.0.0.1", "::1", "", "10.0.0.5.evil.example"])
@pytest.mark.parametrize("name", ["X-Remote-User", "x-remote-groups", "X-REMOTE-NUMBER"])
def test_nobody_else_may_say_it(peer: str, name: str) -> None:
    with pytest.raises(ForbiddenError, match="must not send x-remote"):
        ProxyAuth(options()).identify(headers((name, "li")), peer)


def test_without_the_header_others_are_asked() -> None:
    auth = ProxyAuth(options())
    assert auth.identify(headers(("Authorization", "Bearer x")), "10.9.9.9") is None
    assert auth.identify(headers(("X-Remote-User", " ")), PROXY) is None


def test_a_header_that_came_through_beside_the_proxys_is_refused() -> None:
    twice = headers(*QA, ("X-Remote-User", "admin"))
    with pytest.raises(ForbiddenError, match="more than once"):
        ProxyAuth(options()).identify(twice, PROXY)


def test_labels_come_from_their_headers() -> None:
    auth = ProxyAuth(options())
    said = [("X-Remote-User", "li"), ("X-Remote-Groups", "agents")]
    found = auth.identify(headers(*said, ("X-Remote-Number", "1042")), PROXY)
    assert found is not None
    assert found.labels == {"agent_id": "1042"}
    with pytest.raises(ForbiddenError, match="agent_id"):
        auth.identify(headers(*said), PROXY)


@pytest.mark.parametrize(
    "wrong",
    [
        {"trusted": []},
        {"trusted": ["10.0.0.5/33"]},
        {"user_header": "Authorization"},
        {"user_header": "Cookie"},
        {"user_header": "X Y"},
        {"roles": {"qa": "boss"}},
    ],
)
def test_settings_that_would_open_a_hole_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        options(**wrong)


async def behind(peer: str, *pairs: tuple[str, str]) -> Scope:
    seen: list[Scope] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope)

    async def receive() -> Message:
        raise AssertionError

    async def send(_message: Message) -> None:
        raise AssertionError

    scope = {
        "type": "http",
        "scheme": "http",
        "client": (peer, 4711),
        "headers": headers(*pairs).raw,
    }
    await TrustedProxy(app, options())(scope, receive, send)
    return seen[0]


async def test_address_and_scheme_are_taken_over_from_a_trusted_proxy_only() -> None:
    told = (("X-Forwarded-For", "192.0.2.66, 192.0.2.7, 10.0.0.5"), ("X-Forwarded-Proto", "https"))
    scope = await behind(PROXY, *told)
    # what stands left of the nearest stranger may be that stranger's invention
    assert (scope["client"][0], scope["scheme"], scope[PEER]) == ("192.0.2.7", "https", PROXY)
    scope = await behind("192.0.2.9", *told)
    assert (scope["client"][0], scope["scheme"]) == ("192.0.2.9", "http")


async def test_what_a_proxy_does_not_tell_stays() -> None:
    scope = await behind(PROXY, ("X-Forwarded-Proto", "gopher"))
    assert (scope["client"][0], scope["scheme"]) == (PROXY, "http")
