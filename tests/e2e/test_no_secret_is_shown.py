"""Secrets are planted in every place that takes one; then all that anybody can read is searched.

Real processes of all five services on a Redis with a password: their logs at the most talkative
level, every GET route that they and the console publish, every page, and the support bundle.
"""

import io
import json
import zipfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from tests.integration.alerting.receiver import SECRET, Answer, Request, receiving
from tests.support.messages import make_score, make_session
from tests.support.processes import ServiceProcess, service_process
from tests.support.redis_server import connect, redis_server, short_folder
from tests.support.signed_in import api_key, bearer, opened_door, sign_in
from tests.support.sockets import heard, websocket
from tests.support.wait import wait_until
from tonewatch.console.auth.cookies import COOKIE
from tonewatch.console.pages import PAGES
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.clock import utc_now
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.streams import SCORES, SESSIONS

PARTITIONS = 4
CLOSED = "127.0.0.1:9"
ENDLESS = ("/events", "}/audio")
QUERIES = {
    "session_id": "call-1",
    "q": "angry",
    "speaker": "mixed",
    "granularity": "frame",
    "from": "1",
    "to": "1",
    "label": "queue",
}
REFUSED = {404, 409}
"""What may be answered where there is nothing to show, such as no clip of an alert."""


@dataclass
class Plot:
    """The services, what was planted, and what was read."""

    clients: dict[str, AsyncClient]
    processes: dict[str, ServiceProcess]
    broker: RedisBroker
    secrets: dict[str, str]
    ids: dict[str, str] = field(default_factory=dict)
    read: dict[str, str] = field(default_factory=dict)


def leaks(read: Mapping[str, str], secrets: Mapping[str, str]) -> list[str]:
    """Where a secret can be read, as it is or as a part of an address."""
    return [
        f"{name}: {place}"
        for place, text in read.items()
        for name, secret in secrets.items()
        if secret in text or quote(secret, safe="") in text
    ]


async def echo(request: Request) -> Answer:
    """A receiver that is out of order and answers with what it was sent."""
    return 500, {}, json.dumps(request.headers)


SETTINGS_SECRETS = {
    "Redis password": "planted-redis-password",
    "declared webhook secret": "whsec_cGxhbnRlZC1kZWNsYXJlZC13ZWJob29rLXNlY3JldA==",
    "declared header": "planted-declared-header",
    "SMTP password": "planted-smtp-password",
    "DingTalk token": "planted-dingtalk-token",
    "DingTalk signature": "SECplanted-dingtalk-signature",
    "Feishu token": "planted-feishu-token",
    "Slack token": "planted-slack-token",
    "WeCom key": "planted-wecom-key",
    "clip key": Fernet.generate_key().decode(),
    "suite token": "planted-suite-token-0123456789",
}
"""In the settings file; what people and programs sign in with comes later."""


def settings_of(folder: Path, redis_url: str, receiver: str) -> dict[str, Any]:
    secret = SETTINGS_SECRETS
    smtp = {"host": "127.0.0.1", "port": 9, "username": "mailer", "security": "none"}
    smtp |= {"password": secret["SMTP password"], "sender": "a@b.cn", "recipients": ["c@d.cn"]}
    robot = f"http://{CLOSED}"
    channels = {
        "ding": {
            "type": "dingtalk",
            "url": f"{robot}/robot/send?access_token={secret['DingTalk token']}",
            "secret": secret["DingTalk signature"],
        },
        "lark": {"type": "feishu", "url": f"{robot}/open-apis/hook/{secret['Feishu token']}"},
        "slack": {"type": "slack", "url": f"{robot}/services/T0/B0/{secret['Slack token']}"},
        "wecom": {"type": "wecom", "url": f"{robot}/webhook/send?key={secret['WeCom key']}"},
    }
    declared = {
        "name": "declared",
        "url": receiver,
        "secret": secret["declared webhook secret"],
        "headers": {"authorization": f"Bearer {secret['declared header']}"},
    }
    return {
        "redis": {"url": redis_url},
        "token": secret["suite token"],
        "partitions": PARTITIONS,
        "data_dir": str(folder / "data"),
        "log": {"level": "debug"},
        "ingest": {"port": 0, "egress": {"allow": ["127.0.0.0/8"]}},
        "inference": {"port": 0, "engine": "fake"},
        "storage": {"port": 0, "evidence": {"keys": secret["clip key"]}},
        "alerting": {
            "port": 0,
            "egress": {"allow": ["127.0.0.0/8"]},
            "rules_file": str(folder / "rules.yaml"),
            "smtp": smtp,
            "channels": channels,
            "webhooks": [declared],
            "notices": {"group_wait_seconds": 0.1},
        },
        "console": {"port": 0},
    }


@pytest.fixture
async def plot(tmp_path: Path) -> AsyncIterator[Plot]:
    everywhere = ["webhook", "email", "ding", "lark", "slack", "wecom"]
    rule = {"name": "angry", "emotion": "angry", "threshold": 0.7, "channels": everywhere}
    (tmp_path / "rules.yaml").write_text(json.dumps({"rules": [rule]}))
    password = SETTINGS_SECRETS["Redis password"]
    async with AsyncExitStack() as stack:
        server, _ = stack.enter_context(redis_server(stack.enter_context(short_folder())))
        open_broker = connect(server, PARTITIONS)
        await open_broker._client.config_set("requirepass", password)
        await open_broker.close()
        url = server.replace("unix://", f"unix://:{password}@")
        receiver = await stack.enter_async_context(
            receiving(echo, SETTINGS_SECRETS["declared webhook secret"])
        )
        config = tmp_path / "tonewatch.yaml"
        config.write_text(json.dumps(settings_of(tmp_path, url, receiver.url)))
        environment = {"TONEWATCH_CONFIG": str(config)}
        processes: dict[str, ServiceProcess] = {}
        for name in ("storage", "ingest", "inference", "alerting", "console"):
            made = await stack.enter_async_context(service_process(name, tmp_path, environment))
            processes[name] = made
            environment[f"TONEWATCH_CONSOLE__{name.upper()}_URL"] = made.url
            environment[f"TONEWATCH_ALERTING__{name.upper()}_URL"] = made.url
            if name != "storage":
                del environment[f"TONEWATCH_ALERTING__{name.upper()}_URL"]
        token = SecretStr(SETTINGS_SECRETS["suite token"])
        clients = {
            name: await stack.enter_async_context(create_client(base_url=each.url, token=token))
            for name, each in processes.items()
        }
        del clients["console"].headers["authorization"]
        broker = connect(url, PARTITIONS)
        yield Plot(clients, processes, broker, dict(SETTINGS_SECRETS))
        await broker.close()


async def plant_in_console(plot: Plot, data: Path) -> None:
    """An admin signs in, wrongly and rightly, and a program with its key."""
    plot.secrets |= {"password": "planted-password", "wrong password": "planted-wrong-password"}
    console = plot.clients["console"]
    async with opened_door(data) as door:
        admin = await sign_in(door, name="li", password=plot.secrets["password"])
        plot.secrets |= {"cookie": admin.token, "API key": await api_key(door)}
    admin.enter(console)
    for name in ("wrong password", "password"):
        wish = {"name": "li", "password": plot.secrets[name]}
        answer = await console.post("/api/v1/auth/sign-in", json=wish)
        plot.read[f"sign-in with {name}"] = answer.text
    plot.secrets["second cookie"] = answer.cookies[COOKIE]
    console.cookies.clear()
    console.cookies.set(COOKIE, plot.secrets["second cookie"])
    key = bearer(plot.secrets["API key"])
    async with create_client(base_url=str(console.base_url)) as program:
        answer = await program.get("/api/v1/auth/me", headers=key)
        plot.read["who a program is"] = answer.raise_for_status().text
    made = await console.post("/api/v1/users", json={"name": "wang", "role": "inspector"})
    account = made.raise_for_status().json()
    link = (await console.post(f"/api/v1/users/{account['id']}/link")).raise_for_status().json()
    plot.secrets["one-time link"] = link["link"].partition("#")[2]


async def plant_in_ingest(plot: Plot) -> None:
    ingest = plot.clients["ingest"]
    plot.secrets |= {
        "URL password": "planted-url-password",
        "URL token": "planted-url-token",
        "pulled RTMP key": "planted-rtmp-key",
        "refused URL password": "planted-refused-password",
    }
    pulled = (
        f"http://reader:planted-url-password@{CLOSED}/live.mp3?token=planted-url-token",
        f"rtmp://{CLOSED}/live/planted-rtmp-key",
    )
    for number, url in enumerate(pulled):
        wish = {"name": f"pulled {number}", "kind": "pull", "url": url}
        made = (await ingest.post("/v1/sources", json=wish)).raise_for_status().json()
        plot.ids["source_id"] = made["id"]
    refused = {"name": "x", "url": f"gopher://u:planted-refused-password@{CLOSED}/"}
    plot.read["refused source"] = (await ingest.post("/v1/sources", json=refused)).text
    for kind in ("rtmp", "websocket", "audiosocket"):
        made = (await ingest.post("/v1/sources", json={"name": kind, "kind": kind})).json()
        plot.secrets[f"first key of {kind}"] = made["stream_key"]
        again = (await ingest.post(f"/v1/sources/{made['id']}/rotate-key")).json()
        plot.secrets[f"key of {kind}"] = again["stream_key"]
        plot.ids[kind] = made["id"]
    await use_keys(plot)

    async def has_failed() -> bool:
        history = (await ingest.get(f"/v1/sources/{plot.ids['source_id']}/history")).json()
        return "backoff" in {each["state"] for each in history["items"]}

    await wait_until(has_failed, timeout_seconds=30)


async def use_keys(plot: Plot) -> None:
    """As encoders do, with keys that are right and keys that are not any more."""
    ingest = plot.clients["ingest"]
    for name in ("first key of rtmp", "key of rtmp"):
        fields = {"call": "publish", "name": plot.secrets[name], "clientid": "7", "app": "live"}
        answer = await ingest.post("/internal/rtmp/on_publish", data=fields)
        plot.read[f"on_publish with {name}"] = f"{answer.text} {answer.headers}"
    for name in ("first key of websocket", "key of websocket"):
        with suppress(Exception):  # the old one is refused
            path = f"/v1/ws/pcm?key={plot.secrets[name]}"
            async with websocket(str(ingest.base_url).rstrip("/"), path) as socket:
                await socket.send('{"type": "hello", "rate_hz": 16000}')
                plot.read[f"socket with {name}"] = json.dumps(await heard(socket))


async def plant_in_alerting(plot: Plot, receiver: str) -> None:
    alerting = plot.clients["alerting"]
    plot.secrets |= {
        "webhook secret": SECRET,
        "webhook header": "planted-webhook-header",
        "webhook URL token": "planted-webhook-url-token",
        "rotated webhook secret": "whsec_cGxhbnRlZC1yb3RhdGVkLXdlYmhvb2stc2VjcmV0",
        "refused webhook secret": "planted-refused-secret",
    }
    hook = {
        "name": "crm",
        "url": f"{receiver}?token=planted-webhook-url-token",
        "headers": {"authorization": "Bearer planted-webhook-header"},
        "secret": SECRET,
    }
    made = (await alerting.post("/v1/webhooks", json=hook)).raise_for_status().json()
    plot.ids["webhook_id"] = made["id"]
    new = {"secret": plot.secrets["rotated webhook secret"]}
    (await alerting.post(f"/v1/webhooks/{made['id']}/rotate", json=new)).raise_for_status()
    refused = {"name": "y", "url": receiver, "secret": "planted-refused-secret"}
    plot.read["refused webhook"] = (await alerting.post("/v1/webhooks", json=refused)).text
    plot.read["test of the rule"] = (await alerting.post("/v1/rules/angry/test")).text
    wish = {"by": "li", "comment": "", "rule": {"name": "sad", "emotion": "sad", "threshold": 0.9}}
    (await alerting.post("/v1/rules", json=wish)).raise_for_status()
    silence = {"by": "li", "matchers": ["rule=sad"], "seconds": 3600, "reason": "test"}
    answer = await alerting.post("/v1/silences", json=silence)
    plot.ids["silence_id"] = answer.json().get("id", "none")


async def fire(plot: Plot) -> None:
    """An alert that is told to everybody, in vain, and stored."""
    now = utc_now()
    session = make_session(session_id="call-1", at=now, labels={"queue": "vip"})
    scores = [make_score(seq, "angry", captured_at=now) for seq in range(4)]
    await plot.broker.publish([Outgoing(SESSIONS, session), *(Outgoing(SCORES, s) for s in scores)])

    async def told() -> bool:
        answer = await plot.clients["alerting"].get("/v1/deliveries?event_type=alert.firing")
        tried = {each["channel"] for each in answer.json()["items"] if each["attempt_count"]}
        return tried >= {"webhook", "email", "dingtalk", "feishu", "slack", "wecom"}

    async def stored() -> bool:
        return bool((await plot.clients["storage"].get("/v1/alerts")).json()["items"])

    await wait_until(told, timeout_seconds=60)
    await wait_until(stored, timeout_seconds=30)
    items = (await plot.clients["alerting"].get("/v1/deliveries?limit=100")).json()["items"]
    plot.ids["alert_id"] = (await plot.clients["storage"].get("/v1/alerts")).json()["items"][0][
        "alert_id"
    ]
    for item in items:  # whole, with the attempts and what was answered to them
        path = f"/v1/deliveries/{item['id']}"
        plot.read[f"delivery to {item['channel']} {item['id']}"] = (
            await plot.clients["alerting"].get(path)
        ).text
    plot.ids |= {"delivery_id": items[0]["id"], "session_id": "call-1", "name": "sad"}


async def read_everything(plot: Plot) -> None:
    for name, client in plot.clients.items():
        document = "/api/v1/openapi.json" if name == "console" else "/openapi.json"
        paths = (await client.get(document)).raise_for_status().json()["paths"]
        for path, methods in paths.items():
            if "get" not in methods or path.endswith(ENDLESS):
                continue
            await read_route(plot, name, filled(path, plot.ids), methods["get"])
        for path in ("/metrics", "/ready", "/health", document):
            plot.read[f"{name} {path}"] = (await client.get(path)).text
    console = plot.clients["console"]
    for page in PAGES:
        path = filled(page.path, plot.ids)
        for language in ("en", "zh"):
            answer = await console.get(f"{path}?lang={language}")
            plot.read[f"page {path} {language}"] = answer.raise_for_status().text
    bundle = (await console.get("/api/v1/system/bundle")).raise_for_status().content
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        for member in archive.namelist():
            plot.read[f"bundle {member}"] = archive.read(member).decode()
    async with console.stream("GET", "/api/v1/events") as answer:
        with suppress(StopAsyncIteration):
            plot.read["live events"] = await anext(answer.aiter_text())


async def read_route(plot: Plot, name: str, path: str, route: Mapping[str, Any]) -> None:
    """A route of a service, and the same through the console where that publishes it."""
    asked = [each for each in route.get("parameters", []) if each["in"] == "query"]
    query = {each["name"]: QUERIES[each["name"]] for each in asked if each["required"]}
    answer = await plot.clients[name].get(path, params=query)
    assert answer.is_success or answer.status_code in REFUSED, (name, path, answer.text)
    plot.read[f"{name} {path}"] = f"{answer.text} {dict(answer.headers)}"
    if name != "console" and path.startswith("/v1/"):
        public = path.replace("/v1/", "/api/v1/", 1)
        if name == "alerting":
            public = public.replace("/api/v1/alerts", "/api/v1/inbox")
        through = await plot.clients["console"].get(public, params=query)
        plot.read[f"console {public}"] = f"{through.text} {dict(through.headers)}"


def filled(path: str, ids: Mapping[str, str]) -> str:
    """A path with its {places} filled; an unknown place is a mistake of this test."""
    parts = [ids[part[1:-1]] if part.startswith("{") else part for part in path.split("/")]
    return "/".join(parts)


@pytest.mark.timeout(240)
async def test_no_secret_is_in_any_answer_page_bundle_or_log(plot: Plot, tmp_path: Path) -> None:
    async with receiving(echo, SECRET) as receiver:
        await plant_in_console(plot, tmp_path / "data")
        await plant_in_ingest(plot)
        await plant_in_alerting(plot, receiver.url)
        await fire(plot)
        await read_everything(plot)
    assert len(plot.read) > 120
    logs = {f"log of {name}": each.text() for name, each in plot.processes.items()}
    assert all(logs.values())
    assert leaks({**plot.read, **logs}, plot.secrets) == []


def test_a_leak_would_be_found() -> None:
    read = {"an answer": "redis://:s3/cret@127.0.0.1", "an address": "/?key=s3%2Fcret", "c": "s3"}
    assert leaks(read, {"it": "s3/cret"}) == ["it: an answer", "it: an address"]
