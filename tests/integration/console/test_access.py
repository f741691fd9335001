"""Every address of the console against everybody: what is written down here is what is allowed.

The list is written by hand. An address or method that is not in it makes a test fail, so whoever
adds one has to say here who may use it.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi import FastAPI
from sqlalchemy import update

from tests.integration.console.conftest import Console, opened_console
from tests.support.fake_suite import FakeSuite
from tests.support.routes import routes
from tests.support.signed_in import api_key, bearer, sign_in
from tonewatch.console.auth.access import TABLE, methods_of
from tonewatch.console.auth.tables import SessionRow
from tonewatch.console.forward import METHODS, RESOURCES
from tonewatch.console.service import ConsoleService
from tonewatch.console.settings import ConsoleSettings
from tonewatch.shared.broker import MemoryBroker
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.runtime import build_app

AGENT: Final = {"agent_id": "1042"}
QUEUE: Final = {"queue": "vip"}

EVERYBODY: Final = "*"
PEOPLE: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "A": ("admin", {}),
    "S": ("supervisor", {}),
    "I": ("inspector", {}),
    "G": ("agent", AGENT),
    "a": ("admin", QUEUE),
    "s": ("supervisor", QUEUE),
    "i": ("inspector", QUEUE),
}
"""Capital letters are the roles (an agent always has labels), small ones are limited by labels."""

WRITTEN: Final = """
GET    /sign-in                                      *
GET    /welcome                                      *
GET    /static/console.css                           *
GET    /health                                       *
POST   /health                                       *
GET    /ready                                        *
GET    /metrics                                      *
POST   /api/v1/auth/sign-in                          *
POST   /api/v1/auth/sign-out                         *
POST   /api/v1/auth/welcome                          *
POST   /api/v1/auth/link                             *
GET    /api/v1/auth/oidc/start                       *
GET    /api/v1/auth/oidc/callback                    *

GET    /                                             ASIGasi
GET    /alerts                                       ASIGasi
GET    /history                                      ASIGasi
GET    /calls/{session_id}                           ASIGasi
GET    /samples/{name}.flac                          ASIGasi
GET    /rules                                        ASI
GET    /sources                                      ASIasi
GET    /webhooks                                     AS
GET    /system                                       ASI
GET    /account                                      ASIGasi
GET    /users                                        A

GET    /api/v1/auth/me                               ASIGasi
PUT    /api/v1/auth/password                         ASIGasi
GET    /api/v1/auth/sessions                         ASIGasi
DELETE /api/v1/auth/sessions/{session_id}            ASIGasi
GET    /api/v1/keys                                  ASIGasi
POST   /api/v1/keys                                  ASIGasi
DELETE /api/v1/keys/{key_id}                         ASIGasi
GET    /api/v1/users                                 A
POST   /api/v1/users                                 A
PATCH  /api/v1/users/{account_id}                    A
DELETE /api/v1/users/{account_id}                    A
POST   /api/v1/users/{account_id}/link               A
GET    /api/v1/auth/audit                            A
GET    /api/v1/audit                                 A

GET    /api/v1/live                                  ASIGasi
GET    /api/v1/events                                ASIGasi
GET    /api/v1/engine                                ASIGasi
GET    /api/v1/system                                ASIGasi
GET    /api/v1/system/figures                        ASI
GET    /api/v1/system/bundle                         A
GET    /api/v1/openapi.json                          ASIGasi

GET    /api/v1/sessions                              ASIGasi
GET    /api/v1/sessions/{id}                         ASIGasi
GET    /api/v1/sessions/{id}/timeline                ASIGasi
GET    /api/v1/sessions/{id}/segments                ASIGasi
GET    /api/v1/sessions/{id}/audio                   ASas
GET    /api/v1/sessions/{id}/listening               ASas
GET    /api/v1/sessions/{id}/embeddings              ASIGasi
GET    /api/v1/sessions/{id}/similar                 ASI
GET    /api/v1/records                               ASIGasi
GET    /api/v1/segments                              ASIGasi
GET    /api/v1/utterances                            ASIGasi
GET    /api/v1/search                                ASI
POST   /api/v1/similar                               ASI
GET    /api/v1/stats/emotions                        ASIGasi
GET    /api/v1/stats/agents                          ASIGasi
GET    /api/v1/stats/heatmap                         ASIGasi
GET    /api/v1/stats/trend                           ASIGasi
GET    /api/v1/stats/alerts                          ASIGasi
GET    /api/v1/export/records                        ASIGasi
GET    /api/v1/export/segments                       ASIGasi
GET    /api/v1/export/alerts                         ASIGasi
GET    /api/v1/retention                             AS
GET    /api/v1/holds                                 AS
POST   /api/v1/holds                                 A
DELETE /api/v1/holds/{id}                            A
GET    /api/v1/erasures                              AS
POST   /api/v1/erasures                              A

GET    /api/v1/alerts                                ASIGasi
GET    /api/v1/alerts/{id}                           ASIGasi
GET    /api/v1/alerts/{id}/clip                      ASIGasi
PUT    /api/v1/alerts/{id}/verdict                   ASIasi
GET    /api/v1/inbox                                 ASIGasi
GET    /api/v1/inbox/{id}                            ASIGasi
POST   /api/v1/inbox/{id}/acknowledge                ASIasi
POST   /api/v1/inbox/{id}/assign                     ASIasi
POST   /api/v1/inbox/{id}/comment                    ASIasi
POST   /api/v1/inbox/{id}/close                      ASIasi
GET    /api/v1/silences                              ASI
GET    /api/v1/silences/{id}                         ASI
POST   /api/v1/silences                              AS
PUT    /api/v1/silences/{id}                         AS
DELETE /api/v1/silences/{id}                         AS

GET    /api/v1/rules                                 ASI
GET    /api/v1/rules/schema                          ASI
GET    /api/v1/rules/precision                       ASI
POST   /api/v1/rules/validate                        ASI
POST   /api/v1/rules/backtest                        ASI
POST   /api/v1/rules                                 AS
POST   /api/v1/rules/reload                          AS
GET    /api/v1/rules/{name}                          ASI
GET    /api/v1/rules/{name}/versions                 ASI
GET    /api/v1/rules/{name}/diff                     ASI
GET    /api/v1/rules/{name}/trace                    ASI
PUT    /api/v1/rules/{name}                          AS
DELETE /api/v1/rules/{name}                          AS
POST   /api/v1/rules/{name}/enable                   AS
POST   /api/v1/rules/{name}/disable                  AS
POST   /api/v1/rules/{name}/test                     AS
POST   /api/v1/rules/{name}/versions/{version}/restore  AS

GET    /api/v1/channels                              AS
POST   /api/v1/channels/{name}/test                  AS
GET    /api/v1/deliveries                            AS
GET    /api/v1/deliveries/{id}                       AS
POST   /api/v1/deliveries/recover                    AS
POST   /api/v1/deliveries/{id}/resend                AS
GET    /api/v1/webhooks                              AS
GET    /api/v1/webhooks/{id}                         AS
POST   /api/v1/webhooks                              AS
PATCH  /api/v1/webhooks/{id}                         AS
DELETE /api/v1/webhooks/{id}                         AS
POST   /api/v1/webhooks/{id}/test                    AS
POST   /api/v1/webhooks/{id}/rotate                  AS

GET    /api/v1/audio                                 ASI
POST   /api/v1/audio                                 ASI
GET    /api/v1/audio/{id}                            ASI
DELETE /api/v1/audio/{id}                            ASI
GET    /api/v1/sources                               ASIasi
GET    /api/v1/sources/events                        ASI
GET    /api/v1/sources/{id}                          ASIasi
GET    /api/v1/sources/{id}/history                  ASIasi
POST   /api/v1/sources                               AS
PATCH  /api/v1/sources/{id}                          AS
DELETE /api/v1/sources/{id}                          AS
POST   /api/v1/sources/{id}/rotate-key               AS
GET    /api/v1/sources-file                          ASI
POST   /api/v1/sources-file/reload                   AS
"""


def _read(text: str) -> Iterator[tuple[tuple[str, str], str]]:
    for line in text.split("\n"):
        if line:
            method, path, who = line.split()
            yield (method, path), who


EXPECTED: Final = dict(_read(WRITTEN))


def shape(path: str) -> str:
    """A path without the names of its variable parts."""
    parts = path.removesuffix(".flac").split("/")
    return "/".join("{}" if part.startswith("{") else part for part in parts)


PEOPLE_ONLY: Final = ("/api/v1/auth/password", "/api/v1/auth/sessions")
"""What a key never does for whoever made it."""

SHAPES: Final = {(method, shape(path)) for method, path in EXPECTED}


@pytest.fixture
def app(tmp_path: Path, memory_broker: MemoryBroker) -> FastAPI:
    settings = ConsoleSettings.model_validate({"data_dir": tmp_path, "console": {"port": 0}})
    return build_app(ConsoleService(settings, memory_broker))


def test_every_route_of_the_application_is_written_down(app: FastAPI) -> None:
    others = {"/static", "/api/v1/{resource}", "/api/v1/{resource}/{rest:path}"}
    found = {each for each in routes(app) if each[1] not in others}
    assert len(found) > 30
    assert {each for each in found if (each[0], shape(each[1])) not in SHAPES} == set()


def test_every_row_of_the_table_of_access_is_written_down() -> None:
    static = {("GET", "/static/**"), ("GET", "/samples/{name}")}
    rows = {(access.method, access.path) for access in TABLE} - static
    assert {each for each in rows if (each[0], shape(each[1])) not in SHAPES} == set()
    assert len(TABLE) == len({(access.method, shape(access.path)) for access in TABLE})


def test_every_resource_of_the_forward_is_written_down() -> None:
    named = {path.split("/")[3] for _, path in EXPECTED if path.startswith("/api/v1/")}
    assert set(RESOURCES) <= named
    for resource in RESOURCES:
        for rest in ("", "/x", "/x/y", "/x/y/z"):
            listed = methods_of(f"/api/v1/{resource}{rest}")
            assert set(listed) <= set(METHODS)
            for access in listed.values():
                assert (access.method, shape(access.path)) in SHAPES


def concrete(path: str) -> str:
    """An address of this form of something that does not exist."""
    return "/".join(
        f"no-{part[1:]}".replace("}", "") if "{" in part else part for part in path.split("/")
    )


async def status(client: AsyncClient, method: str, path: str) -> int:
    """The status of the answer, whose body may be a stream without end."""
    body: dict[str, Any] = {"json": {}} if method in {"POST", "PUT", "PATCH"} else {}
    async with client.stream(method, concrete(path), **body) as answer:
        return answer.status_code


@pytest.fixture
async def asked(
    suite: FakeSuite, memory_broker: MemoryBroker, tmp_path: Path
) -> AsyncIterator[Console]:
    async with opened_console(suite, memory_broker, tmp_path) as console:
        yield console


@pytest.mark.parametrize("letter", PEOPLE)
async def test_each_role_reaches_what_is_written_down_and_nothing_else(
    asked: Console, letter: str
) -> None:
    wrong = []
    role, labels = PEOPLE[letter]
    async with asked.as_(role, dict(labels)) as client:
        for (method, path), who in EXPECTED.items():
            if who == EVERYBODY:
                continue
            got = await status(client, method, path)
            if (got == 403) == (letter in who) or got in {303, 401}:
                wrong.append((method, path, who, got))
    assert wrong == []


@asynccontextmanager
async def unknown_people(console: Console) -> AsyncIterator[Mapping[str, AsyncClient]]:
    """Those who show nothing, or something that is worth nothing (any more)."""
    door = console.service.door
    old, ended = await sign_in(door), await sign_in(door)
    async with door.database.writing() as session:
        aged = update(SessionRow).where(SessionRow.id == old.session_id)
        await session.execute(aged.values(used_ms=SessionRow.used_ms - 13 * 3600 * 1000))
    principal = await door.sessions.find(ended.token)
    assert principal is not None
    await door.sessions.end(principal, ended.session_id)
    key = await api_key(door)
    revoker = await door.keys.find(key)
    assert revoker is not None
    await door.keys.revoke(revoker, revoker.credential)
    shown = {
        "nobody": {},
        "expired session": old.headers,
        "ended session": ended.headers,
        "revoked key": bearer(key),
        "invented key": bearer("tw_0123456789ab_" + "A" * 43),
        "other word": {"Authorization": "Basic YWRtaW46YWRtaW4="},
    }
    async with AsyncExitStack() as stack:
        clients = {}
        for name, headers in shown.items():
            client = await stack.enter_async_context(create_client(base_url=console.url))
            client.headers.update(headers)
            clients[name] = client
        yield clients


async def test_who_is_not_known_reaches_only_the_ways_in(asked: Console) -> None:
    wrong = []
    async with unknown_people(asked) as clients:
        for name, client in clients.items():
            for (method, path), who in EXPECTED.items():
                got = await status(client, method, path)
                is_page = not path.startswith("/api/")
                refused = got == (303 if is_page else 401)
                reached = got not in {303, 401, 403, 405}
                is_open = who == EVERYBODY
                if not (reached if is_open else refused):
                    wrong.append((name, method, path, got))
    assert wrong == []


async def test_what_is_not_written_down_is_not_there_even_for_admins(asked: Console) -> None:
    for resource in (*RESOURCES, "internal", "metrics", "unknown"):
        for rest in ("", "/x", "/x/y", "/x/y/z", "/"):
            for method in METHODS:
                path = f"/api/v1/{resource}{rest}"
                if method not in methods_of(path):
                    assert await status(asked.client, method, path) in {404, 405}, (method, path)
    assert asked.suite.requests == []


async def test_a_key_does_what_its_scopes_say_and_no_more(asked: Console) -> None:
    door = asked.service.door
    narrow = bearer(await api_key(door, "alerts:read", "live:read"))
    async with create_client(base_url=asked.url) as client:
        client.headers.update(narrow)
        for (method, path), who in EXPECTED.items():
            if who == EVERYBODY:
                continue
            access = methods_of(concrete(path))[method]
            allowed = access.permission in {"alerts:read", "live:read", "self:read"}
            got = await status(client, method, path)
            assert (got != 403) is allowed, (method, path, got)


async def test_a_key_with_labels_is_limited_as_a_person_is(asked: Console) -> None:
    key = bearer(await api_key(asked.service.door, labels=AGENT))
    async with create_client(base_url=asked.url) as client:
        client.headers.update(key)
        for (method, path), who in EXPECTED.items():
            if who != EVERYBODY and not path.startswith(PEOPLE_ONLY):
                got = await status(client, method, path)
                assert (got != 403) is ("a" in who), (method, path, got)
