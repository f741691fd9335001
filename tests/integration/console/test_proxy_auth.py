"""A reverse proxy signs people in: over real HTTP, for those it names and for nobody else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.console.conftest import Console, opened_console
from tests.support.fake_suite import FakeSuite
from tests.support.signed_in import api_key, bearer
from tonewatch.shared.broker import MemoryBroker

OURS = {"Sec-Fetch-Site": "same-origin"}
LI = {"X-Remote-User": "li", "X-Remote-Groups": "qa"}


@asynccontextmanager
async def behind_proxy(suite: FakeSuite, folder: Path, **changes: Any) -> AsyncIterator[Console]:
    options = {
        "trusted": ["127.0.0.0/8"],
        "user_header": "X-Remote-User",
        "groups_header": "X-Remote-Groups",
        "roles": {"qa": "inspector"},
        **changes,
    }
    broker = MemoryBroker(partitions=1)
    async with opened_console(suite, broker, folder, proxy_auth=options) as console:
        yield console


async def test_whom_the_proxy_names_is_in(suite: FakeSuite, tmp_path: Path) -> None:
    async with behind_proxy(suite, tmp_path) as console:
        me = (await console.stranger.get("/api/v1/auth/me", headers=LI)).json()
        assert (me["name"], me["role"], me["via"]) == ("li", "inspector", "proxy")
        # the proxy is believed by its own address, whatever browser it speaks for
        page = await console.stranger.get("/", headers=LI | {"X-Forwarded-For": "192.0.2.7"})
        assert '<a href="/account">li</a>' in page.text
        assert 'id="sign-out"' not in page.text  # one signs out where one signed in
        assert (await console.stranger.get("/users", headers=LI)).status_code == 403
        assert (await console.stranger.get("/api/v1/auth/me")).status_code == 401


async def test_a_write_must_come_from_our_own_page(suite: FakeSuite, tmp_path: Path) -> None:
    async with behind_proxy(suite, tmp_path) as console:
        post, wish = console.stranger.post, {"name": "x"}
        assert (await post("/api/v1/keys", json=wish, headers=LI)).status_code == 403
        assert (await post("/api/v1/keys", json=wish, headers=LI | OURS)).status_code == 201


@pytest.mark.parametrize("path", ["/", "/sign-in", "/api/v1/auth/me", "/api/v1/live"])
async def test_from_elsewhere_the_header_is_refused(
    suite: FakeSuite, tmp_path: Path, path: str
) -> None:
    async with behind_proxy(suite, tmp_path, trusted=["10.0.0.0/8"]) as console:
        for claim in ({}, {"X-Forwarded-For": "10.0.0.5"}):
            answer = await console.stranger.get(path, headers={**LI, **claim})
            assert answer.status_code == 403
            assert "must not send x-remote-groups, x-remote-user" in answer.json()["detail"]


async def test_programs_pass_the_proxy_with_their_keys(suite: FakeSuite, tmp_path: Path) -> None:
    async with behind_proxy(suite, tmp_path) as console:
        headers = bearer(await api_key(console.service.door))
        answer = await console.stranger.get("/api/v1/auth/me", headers=headers)
        assert answer.json()["via"] == "key"


async def test_behind_tls_the_cookie_is_secure_and_the_address_that_of_the_browser(
    suite: FakeSuite, tmp_path: Path
) -> None:
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
    async with behind_proxy(suite, tmp_path, user_header=None, groups_header=None) as console:
        wish = {"name": "nobody", "password": "not the password"}
        await console.stranger.post("/api/v1/auth/sign-in", json=wish, headers=told)
        deeds = (await console.client.get("/api/v1/auth/audit")).json()["items"]
        assert deeds[0]["address"] == "192.0.2.7"
        out = await console.client.post("/api/v1/auth/sign-out", headers=told)
        assert out.status_code == 204


async def test_without_the_setting_nobody_can_name_an_address(
    suite: FakeSuite, tmp_path: Path
) -> None:
    async with opened_console(suite, MemoryBroker(partitions=1), tmp_path) as console:
        wish = {"name": "nobody", "password": "not the password"}
        lie = {"X-Forwarded-For": "192.0.2.7"}
        await console.stranger.post("/api/v1/auth/sign-in", json=wish, headers=lie)
        deeds = (await console.client.get("/api/v1/auth/audit")).json()["items"]
        assert deeds[0]["address"] == "127.0.0.1"
