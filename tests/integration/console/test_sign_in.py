"""Signing in and out: passwords, waits, sessions, one-time links, and what other sites try."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import update

from tests.integration.console.conftest import Console, opened_console
from tests.support.fake_suite import FakeSuite
from tests.support.signed_in import PASSWORD, opened_door, sign_in
from tonewatch.console.auth.limiter import FREE_ATTEMPTS
from tonewatch.console.auth.secrets import parts_of_key
from tonewatch.console.auth.tables import LinkRow, SessionRow
from tonewatch.shared.broker import MemoryBroker
from tonewatch.shared.http import AsyncClient, Response

OTHER: Final = "another long password"


@pytest.fixture
async def closed(
    suite: FakeSuite, memory_broker: MemoryBroker, tmp_path: Path
) -> AsyncIterator[Console]:
    """A console that nobody has the page of; `lin` is an inspector with a password."""
    async with opened_console(suite, memory_broker, tmp_path) as console:
        await sign_in(console.service.door, "inspector", name="lin", password=PASSWORD)
        yield console


async def attempt(client: AsyncClient, name: str, password: str) -> Response:
    """Try to sign in."""
    form = {"name": name, "password": password}
    return await client.post("/api/v1/auth/sign-in", json=form)


async def deeds(console: Console) -> list[tuple[str, str, str]]:
    """What the audit log says: who, what, to what; oldest first."""
    items = (await console.client.get("/api/v1/auth/audit?limit=500")).json()["items"]
    return [(item["who"], item["action"], item["subject"]) for item in reversed(items)]


async def test_name_and_password_open_the_console_until_one_signs_out(closed: Console) -> None:
    browser = closed.stranger
    browser.headers["Sec-Fetch-Site"] = "same-origin"
    assert (await browser.get("/")).headers["location"] == "/sign-in?next=%2F"
    done = await attempt(browser, " LIN ", PASSWORD)
    assert (done.status_code, done.content) == (204, b"")
    cookie = done.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie
    assert (await browser.get("/")).status_code == 200
    me = (await browser.get("/api/v1/auth/me")).json()
    assert (me["name"], me["role"], me["via"], me["labels"]) == ("lin", "inspector", "session", {})
    assert "alerts:act" in me["permissions"]
    assert "users:write" not in me["permissions"]
    token = browser.cookies["tonewatch_session"]
    assert (await browser.post("/api/v1/auth/sign-out")).status_code == 204
    assert (await browser.get("/")).status_code == 303
    browser.cookies.set("tonewatch_session", token)
    assert (await browser.get("/api/v1/auth/me")).status_code == 401
    assert ("lin", "sign-in", "lin") in await deeds(closed)
    assert ("lin", "sign-out", "") in await deeds(closed)


async def test_over_tls_the_cookie_is_for_this_host_alone(
    suite: FakeSuite, memory_broker: MemoryBroker, tmp_path: Path
) -> None:
    url = "https://calls.example"
    async with opened_console(suite, memory_broker, tmp_path, public_url=url) as console:
        await sign_in(console.service.door, "inspector", name="lin", password=PASSWORD)
        visitor = console.stranger
        near = await attempt(visitor, "lin", PASSWORD)
        assert near.headers["set-cookie"].startswith("tonewatch_session=")
        visitor.headers["Host"] = "calls.example"
        cookie = (await attempt(visitor, "lin", PASSWORD)).headers["set-cookie"]
        assert cookie.startswith("__Host-tonewatch_session=")
        assert "; secure" in cookie.lower()
        assert "domain" not in cookie.lower()
        shown = {"Cookie": cookie.partition(";")[0]}
        assert (await visitor.get("/api/v1/auth/me", headers=shown)).status_code == 200


async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(closed: Console) -> None:
    wrong = await attempt(closed.stranger, "lin", "not the password")
    unknown = await attempt(closed.stranger, "nobody", "not the password")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert "set-cookie" not in wrong.headers
    assert ("lin", "sign-in.failed", "lin") in await deeds(closed)
    assert ("nobody", "sign-in.failed", "nobody") in await deeds(closed)


async def test_an_unknown_name_takes_the_same_work_as_a_wrong_password(
    closed: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords = closed.service.door.passwords
    checked: list[str] = []
    verify = passwords._hasher.verify

    def noting(stored: str, password: str) -> bool:
        checked.append(stored)
        return verify(stored, password)

    monkeypatch.setattr(type(passwords._hasher), "verify", lambda _, *asked: noting(*asked))
    for name in ("lin", "nobody"):
        await attempt(closed.stranger, name, "not the password")
    assert len(checked) == 2
    # the same parameters of argon2, so the same time
    assert len({stored.rpartition("$")[0].rpartition("$")[0] for stored in checked}) == 1


async def test_guessing_has_to_wait_longer_each_time_whatever_the_name(closed: Console) -> None:
    clock = [1000.0]
    closed.service.door.limiter._clock = lambda: clock[0]
    waits = []
    for number in range(FREE_ATTEMPTS + 4):
        assert (await attempt(closed.stranger, f"name-{number}", "wrong")).status_code == 401
        refused = await attempt(closed.stranger, "lin", PASSWORD)
        if refused.status_code == 429:
            waits.append(int(refused.headers["retry-after"]))
            assert str(waits[-1]) in refused.json()["detail"]
            clock[0] += waits[-1]
        else:
            assert number < FREE_ATTEMPTS - 1
    assert waits == sorted(waits)
    assert waits[-1] >= 4 * waits[0]
    assert (await attempt(closed.stranger, "lin", PASSWORD)).status_code == 204


async def test_who_has_a_link_may_not_guess_the_more_for_it(closed: Console) -> None:
    account = await closed.service.door.accounts.named("lin")
    assert account is not None
    link = await closed.service.door.links.make(account.id)
    statuses = []
    for number in range(FREE_ATTEMPTS + 1):
        statuses.append((await attempt(closed.stranger, f"name-{number}", "x")).status_code)
        look = {"token": link.path.partition("#")[2]}
        await closed.stranger.post("/api/v1/auth/link", json=look)
    assert statuses[-1] == 429


async def test_many_guesses_at_once_are_no_way_around_the_wait(closed: Console) -> None:
    guesses = (attempt(closed.stranger, "lin", f"guess {number}") for number in range(20))
    answers = [answer.status_code for answer in await asyncio.gather(*guesses)]
    assert answers.count(401) <= FREE_ATTEMPTS
    assert answers.count(429) >= 20 - FREE_ATTEMPTS


@pytest.mark.parametrize("column", ["used_ms", "created_ms"])
async def test_a_session_ends_when_it_is_not_used_and_when_it_is_old(
    closed: Console, column: str
) -> None:
    door = closed.service.door
    somebody = await sign_in(door)
    hours = {"used_ms": 12, "created_ms": 7 * 24}[column]
    for past, status in ((hours - 1, 200), (hours + 1, 401)):
        async with door.database.writing() as session:
            aged = update(SessionRow).where(SessionRow.id == somebody.session_id)
            moment = getattr(SessionRow, column)
            await session.execute(aged.values({column: moment - past * 3_600_000}))
        answer = await closed.stranger.get("/api/v1/auth/me", headers=somebody.headers)
        assert answer.status_code == status
        async with door.database.writing() as session:
            aged = update(SessionRow).where(SessionRow.id == somebody.session_id)
            now = SessionRow.created_ms if column == "used_ms" else SessionRow.used_ms
            await session.execute(aged.values({column: now}))
    page = await closed.stranger.get("/history?q=1", headers={"Cookie": "tonewatch_session=old"})
    assert page.headers["location"] == "/sign-in?next=%2Fhistory%3Fq%3D1"


async def test_use_keeps_a_session_open_and_a_look_at_it_does_not(closed: Console) -> None:
    door = closed.service.door
    somebody = await sign_in(door)

    async def used_ms() -> int:
        async with door.database.reading() as session:
            row = await session.get(SessionRow, somebody.session_id)
            assert row is not None
            return row.used_ms

    async with door.database.writing() as session:
        aged = update(SessionRow).where(SessionRow.id == somebody.session_id)
        await session.execute(aged.values(used_ms=SessionRow.used_ms - 3_600_000))
    before = await used_ms()
    principal = await door.sessions.again(somebody.session_id)
    assert principal is not None
    assert await door.is_still(principal)
    assert await used_ms() == before
    await closed.stranger.get("/api/v1/auth/me", headers=somebody.headers)
    assert await used_ms() >= before + 3_600_000


async def test_a_changed_password_ends_all_other_sessions(closed: Console) -> None:
    door, here = closed.service.door, closed.stranger
    here.headers["Sec-Fetch-Site"] = "same-origin"
    await attempt(here, "lin", PASSWORD)
    account = await door.accounts.named("lin")
    assert account is not None
    sessions = (await here.get("/api/v1/auth/sessions")).json()["items"]
    assert [session["current"] for session in sessions] == [True, False]
    change = {"current": "not this", "new": OTHER}
    assert (await here.put("/api/v1/auth/password", json=change)).status_code == 400
    for short in ("short", "lin", "aaaaaaaaaaaa"):
        weak = {"current": PASSWORD, "new": short}
        assert (await here.put("/api/v1/auth/password", json=weak)).status_code == 400
    change = {"current": PASSWORD, "new": OTHER}
    assert (await here.put("/api/v1/auth/password", json=change)).status_code == 204
    assert len((await here.get("/api/v1/auth/sessions")).json()["items"]) == 1
    assert (await attempt(here, "lin", PASSWORD)).status_code == 401
    assert (await attempt(here, "lin", OTHER)).status_code == 204


async def test_one_ends_ones_own_sessions_and_nobody_elses(closed: Console) -> None:
    other = await sign_in(closed.service.door)
    refused = await closed.client.delete(f"/api/v1/auth/sessions/{other.session_id}")
    assert refused.status_code == 404
    assert (await closed.client.get("/api/v1/auth/me", headers={})).status_code == 200
    own = f"/api/v1/auth/sessions/{closed.admin.session_id}"
    assert (await closed.client.delete(own)).status_code == 204
    assert (await closed.client.get("/api/v1/auth/me")).status_code == 401


async def test_a_write_with_a_cookie_shows_that_our_own_page_sent_it(closed: Console) -> None:
    cookie = {"Cookie": closed.admin.headers["Cookie"]}
    host = closed.stranger.base_url.netloc.decode()
    for shown, status in (
        ({}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": f"http://{host}"}, 403),
        ({"Origin": f"http://{host}"}, 201),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
    ):
        answer = await closed.stranger.post(
            "/api/v1/sources", json={"name": "x", "kind": "pull"}, headers=cookie | shown
        )
        assert answer.status_code == status, shown
    assert len(closed.suite.sources) == 2


async def test_another_site_cannot_sign_somebody_in(closed: Console) -> None:
    form = json.dumps({"name": "lin", "password": PASSWORD})
    headers = {"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"}
    answer = await closed.stranger.post("/api/v1/auth/sign-in", content=form, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "back",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "evil", ""],
)
async def test_the_way_back_never_leads_to_another_site(closed: Console, back: str) -> None:
    signed_in = await closed.client.get("/sign-in", params={"next": back})
    assert signed_in.status_code == 303
    assert signed_in.headers["location"] == "/"
    page = await closed.stranger.get("/sign-in", params={"next": back})
    assert page.status_code == 200
    assert "evil" not in page.text
    home = await closed.client.get("/sign-in", params={"next": "/history?q=1"})
    assert home.headers["location"] == "/history?q=1"


def first_token(folder: Path) -> str:
    """The token of the link that stands in the file."""
    return (folder / "console" / "first-sign-in").read_text("utf-8").strip().partition("#")[2]


async def test_the_first_admin_comes_by_the_link_in_the_file_which_then_goes_away(
    suite: FakeSuite, memory_broker: MemoryBroker, tmp_path: Path
) -> None:
    file = tmp_path / "console" / "first-sign-in"
    url = "https://calls.example"
    async with opened_console(suite, memory_broker, tmp_path, public_url=url):
        former = first_token(tmp_path)
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.read_text("utf-8") == f"{url}/welcome#{former}\n"
    async with opened_console(suite, memory_broker, tmp_path) as console:
        token, visitor = first_token(tmp_path), console.stranger
        form = {"token": former, "name": "陈", "password": PASSWORD}
        assert (await visitor.post("/api/v1/auth/welcome", json=form)).status_code == 404
        form["token"] = token
        nameless = await visitor.post("/api/v1/auth/welcome", json=form | {"name": None})
        assert nameless.status_code == 400
        weak = await visitor.post("/api/v1/auth/welcome", json=form | {"password": "short"})
        assert weak.status_code == 400
        # a form with a mistake has not spent the link
        done = await visitor.post("/api/v1/auth/welcome", json=form)
        assert done.status_code == 204
        assert (await visitor.get("/api/v1/auth/me")).json()["role"] == "admin"
        assert not file.exists()
        again = await visitor.post("/api/v1/auth/welcome", json=form | {"name": "zhang"})
        assert again.status_code == 404
        assert "used already" in again.json()["detail"]
        assert ("陈", "link.used", "陈") in await deeds(console)
    async with opened_console(suite, memory_broker, tmp_path):
        assert not file.exists()


async def test_two_who_use_the_first_link_at_once_make_one_admin(
    suite: FakeSuite, memory_broker: MemoryBroker, tmp_path: Path
) -> None:
    async with opened_console(suite, memory_broker, tmp_path) as console:
        form = {"token": first_token(tmp_path), "password": PASSWORD}
        both = (
            console.stranger.post("/api/v1/auth/welcome", json=form | {"name": name})
            for name in ("wang", "zhao")
        )
        answers = sorted(answer.status_code for answer in await asyncio.gather(*both))
    assert answers == [204, 404]


async def test_a_link_of_an_account_works_once_and_not_for_ever(closed: Console) -> None:
    door, visitor = closed.service.door, closed.stranger
    account = await door.accounts.named("lin")
    assert account is not None
    path = f"/api/v1/users/{account.id}/link"
    former, link, late = [(await closed.client.post(path)).json()["link"] for _ in range(3)]
    token = late.removeprefix("/welcome#")
    assert late.startswith("/welcome#")
    async with door.database.writing() as session:
        await session.execute(update(LinkRow).values(expires_ms=1))
    form = {"token": token, "password": OTHER}
    assert (await visitor.post("/api/v1/auth/welcome", json=form)).status_code == 404
    made = (await closed.client.post(path)).json()
    form["token"] = made["link"].removeprefix("/welcome#")
    assert made["expires_at"] is not None
    done = await visitor.post("/api/v1/auth/welcome", json=form)
    assert done.status_code == 204
    assert (await visitor.get("/api/v1/auth/me")).json()["name"] == "lin"
    for spent in (form["token"], former.removeprefix("/welcome#"), link.removeprefix("/welcome#")):
        again = await visitor.post("/api/v1/auth/welcome", json=form | {"token": spent})
        assert again.status_code == 404
    assert (await attempt(visitor, "lin", OTHER)).status_code == 204
    assert (await attempt(visitor, "lin", PASSWORD)).status_code == 401


async def test_what_opens_a_door_is_nowhere_in_the_database(
    closed: Console, tmp_path: Path
) -> None:
    door = closed.service.door
    key = (await closed.client.post("/api/v1/keys", json={"name": "k"})).json()["key"]
    link = await door.links.make(None)
    await attempt(closed.stranger, "lin", "a planted wrong password")
    parts = parts_of_key(key)
    assert parts is not None
    secrets = [closed.admin.token, parts[1], link.path.partition("#")[2], PASSWORD]
    secrets += ["a planted wrong password"]
    stored = b"".join(path.read_bytes() for path in (tmp_path / "console").glob("console.db*"))
    assert b"lin" in stored
    for secret in secrets:
        assert secret.encode() not in stored


async def test_a_wrong_form_is_refused_without_repeating_the_password(closed: Console) -> None:
    for form in ({"name": "lin"}, {"name": "lin", "password": PASSWORD, "x": 1}, [PASSWORD]):
        answer = await closed.stranger.post("/api/v1/auth/sign-in", json=form)
        assert answer.status_code == 422
        assert PASSWORD not in answer.text
    long = await attempt(closed.stranger, "lin", "x" * 100_000)
    assert long.status_code == 422


async def test_probes_and_files_work_while_the_database_is_away(
    closed: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    await closed.service.door.database.close()
    folder = closed.service.settings.folder
    for file in folder.glob("console.db*"):
        file.unlink()
    (folder / "console.db").mkdir()
    for path in ("/health", "/metrics", "/static/console.css"):
        assert (await closed.client.get(path)).status_code == 200
    assert (await closed.client.get("/ready")).json()["checks"]["database"]["ok"] is False
    answer = await closed.client.get("/api/v1/sessions")
    assert answer.status_code == 503
    assert "database" in answer.json()["detail"]


async def test_a_door_that_is_opened_beside_the_console_lets_in_as_well(closed: Console) -> None:
    async with opened_door(closed.service.settings.data_dir) as door:
        somebody = await sign_in(door, "supervisor")
    me = await closed.stranger.get("/api/v1/auth/me", headers=somebody.headers)
    assert me.json()["role"] == "supervisor"
