"""Accounts, API keys and the audit log over the API."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from tests.integration.console.conftest import Console, opened_console
from tests.support.fake_suite import FakeSuite
from tests.support.signed_in import PASSWORD, SignedIn, api_key, bearer, sign_in
from tonewatch.console.auth.tables import KeyRow
from tonewatch.shared.broker import MemoryBroker
from tonewatch.shared.clock import iso_utc, utc_now
from tonewatch.shared.errors import UnavailableError
from tonewatch.shared.http import AsyncClient

USERS = "/api/v1/users"
KEYS = "/api/v1/keys"


@pytest.fixture
async def office(
    suite: FakeSuite, memory_broker: MemoryBroker, tmp_path: Path
) -> AsyncIterator[Console]:
    """A console whose admin has a password, so that there is one who can sign in."""
    async with opened_console(suite, memory_broker, tmp_path) as console:
        hashed = await console.service.door.passwords.hash(PASSWORD)
        await console.service.door.accounts.set_password(
            console.admin.account_id, hashed, console.admin.session_id
        )
        yield console


async def add(client: AsyncClient, name: str, role: str, **labels: str) -> dict[str, Any]:
    """Make an account."""
    wish = {"name": name, "role": role, "labels": labels}
    made = await client.post(USERS, json=wish)
    assert made.status_code == 201, made.text
    body: dict[str, Any] = made.json()
    return body


async def me(console: Console, shown: Mapping[str, str]) -> dict[str, Any] | int:
    """Who somebody is to the console; the status if it does not know them."""
    answer = await console.stranger.get("/api/v1/auth/me", headers=shown)
    found: dict[str, Any] = answer.json()
    return found if answer.status_code == 200 else answer.status_code


async def test_an_account_is_made_changed_and_deleted(office: Console) -> None:
    made = await add(office.client, " 王芳 ", "agent", agent_id="1042")
    assert made["name"] == "王芳"
    assert made["has_password"] is False
    assert made["signed_in_at"] is None
    items = (await office.client.get(USERS)).json()["items"]
    assert [item["name"] for item in items] == sorted(["王芳", office.admin.name])
    path = f"{USERS}/{made['id']}"
    changed = await office.client.patch(path, json={"role": "inspector", "labels": {}})
    assert (changed.json()["role"], changed.json()["labels"]) == ("inspector", {})
    assert (await office.client.delete(path)).status_code == 204
    assert (await office.client.delete(path)).status_code == 404
    assert (await office.client.patch(path, json={})).status_code == 404
    assert (await office.client.post(f"{path}/link")).status_code == 404


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"name": "ANNA", "role": "inspector"}, 409),
        ({"name": "\uff21nna", "role": "inspector"}, 409),  # a wide A
        ({"name": "", "role": "inspector"}, 422),
        ({"name": "a\x00b", "role": "inspector"}, 400),
        ({"name": "x" * 65, "role": "inspector"}, 422),
        ({"name": "bo", "role": "boss"}, 422),
        ({"name": "bo", "role": "agent"}, 400),
        ({"name": "bo", "role": "agent", "labels": {"a:b": "c"}}, 400),
        ({"name": "bo", "role": "inspector", "labels": {"": "c"}}, 422),
        ({"name": "bo", "role": "inspector", "password": "x"}, 422),
    ],
)
async def test_what_cannot_be_an_account_is_refused(
    office: Console, wish: dict[str, Any], status: int
) -> None:
    await add(office.client, "anna", "inspector")
    answer = await office.client.post(USERS, json=wish)
    assert answer.status_code == status, answer.text
    assert len((await office.client.get(USERS)).json()["items"]) == 2


async def test_an_agent_keeps_labels(office: Console) -> None:
    made = await add(office.client, "agent", "agent", agent_id="1")
    refused = await office.client.patch(f"{USERS}/{made['id']}", json={"labels": {}})
    assert refused.status_code == 400
    assert "agent_id" in refused.json()["detail"]


async def test_the_last_admin_stays(office: Console) -> None:
    own = f"{USERS}/{office.admin.account_id}"
    # an admin who never chose a password, or sees a part only, could not let anybody in
    await add(office.client, "no password", "admin")
    await sign_in(office.service.door, "admin", {"queue": "vip"}, password=PASSWORD)
    for change in ({"role": "supervisor"}, {"labels": {"queue": "vip"}}):
        refused = await office.client.patch(own, json=change)
        assert refused.status_code == 409
        assert "last admin" in refused.json()["detail"]
    assert (await office.client.delete(own)).status_code == 409
    assert await me(office, office.admin.headers) != 401
    await sign_in(office.service.door, "admin", password=PASSWORD)
    assert (await office.client.patch(own, json={"role": "supervisor"})).status_code == 200
    assert (await office.client.get(USERS)).status_code == 403


async def test_a_change_holds_at_once_for_sessions_and_keys(office: Console) -> None:
    somebody = await sign_in(office.service.door, "supervisor")
    key = bearer(await key_of(office, somebody))
    path = f"{USERS}/{somebody.account_id}"
    await office.client.patch(path, json={"role": "agent", "labels": {"agent_id": "1"}})
    for shown in (somebody.headers, key):
        found = await me(office, shown)
        assert isinstance(found, dict)
        assert (found["role"], found["labels"]) == ("agent", {"agent_id": "1"})
        answer = await office.stranger.get("/api/v1/rules", headers=shown)
        assert answer.status_code == 403
    await office.client.delete(path)
    assert await me(office, somebody.headers) == 401
    assert await me(office, key) == 401


async def key_of(console: Console, somebody: SignedIn, **wish: Any) -> str:
    """A key that somebody makes."""
    made = await console.stranger.post(KEYS, json={"name": "k", **wish}, headers=somebody.headers)
    assert made.status_code == 201, made.text
    key: str = made.json()["key"]
    return key


async def test_a_key_is_shown_once_and_opens_what_its_scopes_say(office: Console) -> None:
    wish = {"name": "report", "scopes": ["alerts:read"], "labels": {"queue": "vip"}}
    made = (await office.client.post(KEYS, json=wish)).json()
    assert made["key"].startswith(f"tw_{made['id']}_")
    listed = await office.client.get(KEYS)
    assert made["key"] not in listed.text
    (item,) = listed.json()["items"]
    assert (item["created_by"], item["used_at"]) == (office.admin.name, None)
    shown = bearer(made["key"])
    found = await office.stranger.get("/api/v1/alerts", headers=shown)
    assert found.status_code == 200
    assert (await office.stranger.get("/api/v1/sessions", headers=shown)).status_code == 403
    assert (await office.client.get(KEYS)).json()["items"][0]["used_at"] is not None
    # a program needs no page of ours to write
    writer = bearer((await office.client.post(KEYS, json={"name": "w"})).json()["key"])
    source = {"name": "x", "kind": "pull"}
    answer = await office.stranger.post("/api/v1/sources", json=source, headers=writer)
    assert answer.status_code == 201
    assert (await office.client.delete(f"{KEYS}/{made['id']}")).status_code == 204
    assert await me(office, shown) == 401


async def test_a_key_does_no_more_than_who_made_it(office: Console) -> None:
    door = office.service.door
    limited = await sign_in(door, "inspector", {"queue": "vip"})
    everything = bearer(await key_of(office, limited))
    found = await me(office, everything)
    assert isinstance(found, dict)
    assert found["labels"] == {"queue": "vip"}
    assert "rules:write" not in found["permissions"]
    for wish, status in (
        ({"scopes": ["users:write"]}, 403),
        ({"scopes": ["no:such"]}, 400),
        ({"scopes": []}, 422),
        ({"labels": {"queue": "other"}}, 403),
        ({"labels": {"a:b": "c"}}, 400),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 400),
        ({"expires_at": "2020-01-01T00:00:00"}, 422),
    ):
        answer = await office.stranger.post(
            KEYS, json={"name": "k", **wish}, headers=limited.headers
        )
        assert answer.status_code == status, wish
    narrow = bearer(await key_of(office, limited, scopes=["alerts:read", "self:write"]))
    child = await office.stranger.post(KEYS, json={"name": "child"}, headers=narrow)
    permissions = await me(office, bearer(child.json()["key"]))
    assert isinstance(permissions, dict)
    assert permissions["permissions"] == ["alerts:read", "self:read", "self:write"]


async def test_a_key_whose_maker_is_limited_to_something_else_opens_nothing(
    office: Console,
) -> None:
    somebody = await sign_in(office.service.door, "inspector")
    key = bearer(await key_of(office, somebody, labels={"queue": "vip"}))
    path = f"{USERS}/{somebody.account_id}"
    await office.client.patch(path, json={"labels": {"queue": "night"}})
    assert await me(office, key) == 401


async def test_a_key_ends_when_it_was_to(office: Console) -> None:
    soon = iso_utc(utc_now() + timedelta(hours=1))
    key = bearer(await key_of(office, office.admin, expires_at=soon))
    assert await me(office, key) != 401
    async with office.service.door.database.writing() as session:
        await session.execute(update(KeyRow).values(expires_ms=1))
    assert await me(office, key) == 401


async def test_one_revokes_ones_own_keys_and_an_admin_those_of_all(office: Console) -> None:
    door = office.service.door
    first, second = await sign_in(door, "inspector"), await sign_in(door, "inspector")
    await key_of(office, first)
    await api_key(door)
    mine = await office.stranger.get(KEYS, headers=first.headers)
    (item,) = mine.json()["items"]
    assert (await office.stranger.get(KEYS, headers=second.headers)).json()["items"] == []
    path = f"{KEYS}/{item['id']}"
    refused = await office.stranger.delete(path, headers=second.headers)
    assert refused.status_code == 404
    # an admin of a part is no admin of other people's keys
    part = await sign_in(door, "admin", {"queue": "vip"})
    assert (await office.stranger.get(KEYS, headers=part.headers)).json()["items"] == []
    assert (await office.stranger.delete(path, headers=part.headers)).status_code == 404
    assert len((await office.client.get(KEYS)).json()["items"]) == 2
    assert (await office.client.delete(path)).status_code == 204


@pytest.mark.parametrize(
    "shown", ["tw_", "tw_zz_x", "tw_0123456789ab_short", "x" * 5000, "tw_0123456789ab_é"]
)
async def test_what_is_no_key_opens_nothing(office: Console, shown: str) -> None:
    headers = {"Authorization": f"Bearer {shown}".encode()}
    answer = await office.stranger.get("/api/v1/auth/me", headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_key_with_a_wrong_secret_opens_nothing_even_beside_a_cookie(
    office: Console,
) -> None:
    key = await api_key(office.service.door)
    wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
    assert await me(office, bearer(key)) != 401
    assert await me(office, bearer(wrong)) == 401
    # whoever shows a key wants to be taken for it, not for whom the browser is signed in
    assert await me(office, office.admin.headers | bearer(wrong)) == 401


async def test_a_key_does_not_take_over_the_account_of_its_maker(office: Console) -> None:
    key = bearer(await key_of(office, office.admin))
    change = {"current": PASSWORD, "new": "another long password"}
    for method, path in (
        ("PUT", "/api/v1/auth/password"),
        ("GET", "/api/v1/auth/sessions"),
        ("DELETE", f"/api/v1/auth/sessions/{office.admin.session_id}"),
    ):
        answer = await office.stranger.request(method, path, json=change, headers=key)
        assert answer.status_code == 403, path


async def test_the_audit_log_tells_who_did_what_page_by_page(office: Console) -> None:
    made = await add(office.client, "anna", "inspector")
    await office.client.post(f"{USERS}/{made['id']}/link")
    key = (await office.client.post(KEYS, json={"name": "report"})).json()
    await office.client.post("/api/v1/sources", json={"name": "x", "kind": "pull"})
    shown = bearer(key["key"])
    await office.stranger.delete("/api/v1/sources/source-1", headers=shown)
    await office.client.post("/api/v1/rules/validate", json={})  # a question
    await office.client.post("/api/v1/rules/reload", json={})
    await office.client.delete(f"{KEYS}/{key['id']}")
    found, cursor = [], None
    while True:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await office.client.get("/api/v1/auth/audit", params=query)).json()
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    told = [(i["who"], i["via"], i["action"], i["subject"], i["status"]) for i in found[::-1]]
    admin = (office.admin.name, "session")
    assert told == [
        (*admin, "account.added", "anna", None),
        (*admin, "link.made", "anna", None),
        (*admin, "key.added", key["id"], None),
        (*admin, "request", "POST /api/v1/sources", 201),
        ("report", "key", "request", "DELETE /api/v1/sources/source-1", 204),
        (*admin, "request", "POST /api/v1/rules/reload", 405),
        (*admin, "key.revoked", key["id"], None),
    ]
    assert all(item["address"] == "127.0.0.1" and item["at"].endswith("Z") for item in found)
    assert found[-1]["detail"] == {"role": "inspector", "labels": {}}
    assert key["key"] not in (await office.client.get("/api/v1/auth/audit?limit=500")).text
    await office.service.door.audit.forget(2**62)
    assert (await office.client.get("/api/v1/auth/audit")).json()["items"] == []


async def test_a_write_that_the_audit_log_cannot_take_in_is_answered_as_it_was(
    office: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise UnavailableError("the disk is full")

    monkeypatch.setattr(office.service.door.audit, "note", away)
    made = await office.client.post("/api/v1/sources", json={"name": "x", "kind": "pull"})
    assert made.status_code == 201
