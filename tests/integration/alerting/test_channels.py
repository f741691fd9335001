"""Robots, Slack, Apprise and mail over real sockets: what is sent, and what answers are read."""

import base64
import datetime as dt
import hashlib
import hmac
import ipaddress
import json
import ssl
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pytest_httpserver import HTTPServer
from werkzeug import Request

from tests.integration.alerting.conftest import Starting
from tests.support.messages import make_alert
from tests.support.wait import wait_until
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.http import AsyncClient
from tonewatch.shared.streams import ALERTS

OK = {"errcode": 0, "errmsg": "ok"}
FEISHU_OK = {"code": 0, "msg": "success", "data": {}}


def robot(server: HTTPServer, answer: dict[str, Any]) -> str:
    """The URL of a robot that answers so."""
    server.expect_request("/robot").respond_with_json(answer)
    return server.url_for("/robot?access_token=planted-token")


def requests(server: HTTPServer) -> list[Request]:
    return [request for request, _ in server.log]


async def tell(
    broker: RedisBroker, client: AsyncClient, channel: str, state: str = "delivered"
) -> dict[str, Any]:
    """Publish an alert for a channel; returns the delivery once it is in this state."""
    alert = make_alert(channels=(channel,), message="客户很生气", labels={"agent_id": "7"})
    await broker.publish([Outgoing(ALERTS, alert)])
    found: list[dict[str, Any]] = []

    async def is_there() -> bool:
        answer = await client.get("/v1/deliveries", params={"receiver": channel})
        found[:] = [item for item in answer.json()["items"] if item["attempt_count"]]
        return bool(found)

    await wait_until(is_there)
    shown: dict[str, Any] = (await client.get(f"/v1/deliveries/{found[0]['id']}")).json()
    assert shown["state"] == state
    return shown


async def test_dingtalk_gets_a_signed_text_as_its_documentation_has_it(
    broker: RedisBroker, alerting: Starting, httpserver: HTTPServer
) -> None:
    options = {"type": "dingtalk", "url": robot(httpserver, OK), "secret": "SECplanted"}
    channels = {"钉钉": options | {"mention": ["13800000000"], "language": "zh"}}
    async with alerting(channels=channels) as client:
        shown = await tell(broker, client, "钉钉")
    (request,) = requests(httpserver)
    body = request.get_json()
    assert set(body) == {"msgtype", "text", "at"}
    assert body["msgtype"] == "text"
    assert body["at"] == {"atMobiles": ["13800000000"], "isAtAll": False}
    lines = body["text"]["content"].split("\n")
    assert lines[0] == "[Tonewatch] 告警触发: angry"
    assert "说明: 客户很生气" in lines
    assert "标签: agent_id=7" in lines
    stamp = request.args["timestamp"]
    assert abs(int(stamp) - time.time() * 1000) < 60_000
    mac = hmac.new(b"SECplanted", f"{stamp}\nSECplanted".encode(), hashlib.sha256)
    assert request.args["sign"] == base64.b64encode(mac.digest()).decode()
    assert request.args["access_token"] == "planted-token"
    assert "planted" not in json.dumps(shown)


async def test_wecom_gets_a_text_of_at_most_2048_bytes(
    broker: RedisBroker, alerting: Starting, httpserver: HTTPServer
) -> None:
    channels = {"wecom": {"type": "wecom", "url": robot(httpserver, OK), "mention": ["all"]}}
    async with alerting(channels=channels) as client:
        await tell(broker, client, "wecom")
    body = requests(httpserver)[0].get_json()
    assert set(body) == {"msgtype", "text"}
    assert set(body["text"]) == {"content", "mentioned_mobile_list"}
    assert body["text"]["mentioned_mobile_list"] == ["@all"]
    assert len(body["text"]["content"].encode()) <= 2048


async def test_feishu_gets_a_signed_post_as_its_documentation_has_it(
    broker: RedisBroker, alerting: Starting, httpserver: HTTPServer
) -> None:
    options = {"type": "feishu", "url": robot(httpserver, FEISHU_OK), "secret": "planted"}
    async with alerting(channels={"feishu": options | {"language": "en"}}) as client:
        shown = await tell(broker, client, "feishu")
    body = requests(httpserver)[0].get_json()
    assert set(body) == {"timestamp", "sign", "msg_type", "content"}
    assert body["msg_type"] == "post"
    post = body["content"]["post"]["zh_cn"]
    assert post["title"] == "[Tonewatch] Alert firing: angry"
    assert [{"tag": "text", "text": "message: 客户很生气"}] in post["content"]
    assert abs(int(body["timestamp"]) - time.time()) < 60
    mac = hmac.new(f"{body['timestamp']}\nplanted".encode(), digestmod=hashlib.sha256)
    assert body["sign"] == base64.b64encode(mac.digest()).decode()
    logged = json.loads(shown["attempts"][0]["request"]["body"])
    assert set(logged) == {"msg_type", "content"}
    assert "planted" not in json.dumps(shown)


@pytest.mark.parametrize(
    ("kind", "answer", "error"),
    [
        ("dingtalk", {"errcode": 310000, "errmsg": "sign not match"}, "errcode 310000: sign not"),
        ("wecom", {"errcode": 93000, "errmsg": "invalid webhook url"}, "errcode 93000: invalid"),
        ("feishu", {"code": 19021, "msg": "sign match fail", "data": {}}, "code 19021: sign match"),
        ("feishu", {"unexpected": True}, "code None"),
    ],
)
async def test_an_error_that_comes_with_200_is_a_failure(
    alerting: Starting, httpserver: HTTPServer, kind: str, answer: dict[str, Any], error: str
) -> None:
    channels = {"robot": {"type": kind, "url": robot(httpserver, answer)}}
    async with alerting(channels=channels) as client:
        tested = (await client.post("/v1/channels/robot/test")).json()
        assert tested["state"] == "failed"
        assert tested["attempts"][0]["status"] == 200
        assert tested["last_error"].startswith(error)


async def test_a_robot_that_throttles_is_left_alone_for_as_long_as_it_says(
    broker: RedisBroker, alerting: Starting, httpserver: HTTPServer
) -> None:
    busy = {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"}
    channels = {"ops": {"type": "dingtalk", "url": robot(httpserver, busy)}}
    async with alerting(channels=channels) as client:
        shown = await tell(broker, client, "ops", state="waiting")
        created = dt.datetime.fromisoformat(shown["created_at"])
        again = dt.datetime.fromisoformat(shown["next_attempt_at"])
        assert again - created >= dt.timedelta(minutes=10)
        other = make_alert(channels=("ops",), alert_id="other", session_id="other")
        await broker.publish([Outgoing(ALERTS, other)])

        async def waits() -> bool:
            (item,) = (await client.get("/v1/channels")).json()["items"]
            return bool(item["waiting"] == 2)

        await wait_until(waits)
    assert len(requests(httpserver)) == 1


async def test_slack_gets_escaped_text(
    broker: RedisBroker, alerting: Starting, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/robot").respond_with_data("ok")
    channels = {"slack": {"type": "slack", "url": httpserver.url_for("/robot")}}
    async with alerting(channels=channels):
        alert = make_alert(channels=("slack",), message="<!channel> & co")
        await broker.publish([Outgoing(ALERTS, alert)])
        await wait_until(lambda: httpserver.log)
    body = requests(httpserver)[0].get_json()
    assert set(body) == {"text"}
    assert "&lt;!channel&gt; &amp; co" in body["text"]


async def test_apprise_tells_whatever_it_knows_by_url(
    alerting: Starting, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/notify").respond_with_data("ok")
    url = f"json://127.0.0.1:{httpserver.port}/notify"
    async with alerting(channels={"any": {"type": "apprise", "url": url}}) as client:
        tested = (await client.post("/v1/channels/any/test")).json()
        assert tested["state"] == "delivered"
    assert "测试消息" in requests(httpserver)[0].get_json()["title"]


async def test_apprise_reaches_no_address_that_is_not_allowed(
    alerting: Starting, httpserver: HTTPServer
) -> None:
    for host in ("127.0.0.1", "localhost"):
        url = f"json://{host}:{httpserver.port}/notify"
        channels = {"any": {"type": "apprise", "url": url}}
        async with alerting(channels=channels, egress={}) as client:
            tested = (await client.post("/v1/channels/any/test")).json()
            assert "is not an allowed address" in tested["last_error"]
    assert httpserver.log == []


async def test_channels_are_listed_without_their_secrets(
    alerting: Starting, httpserver: HTTPServer
) -> None:
    url = robot(httpserver, OK)
    channels = {
        "ops": {"type": "dingtalk", "url": url, "secret": "planted"},
        "any": {"type": "apprise", "url": "ntfy://planted-topic"},
    }
    async with alerting(channels=channels) as client:
        answer = await client.get("/v1/channels")
        assert [(item["name"], item["type"]) for item in answer.json()["items"]] == [
            ("ops", "dingtalk"),
            ("any", "apprise"),
        ]
        assert "planted" not in answer.text
        assert (await client.post("/v1/channels/absent/test")).status_code == 404


class Mailbox:
    """Keeps what a real SMTP server on loopback receives."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.was_encrypted: list[bool] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        transport = server.transport
        is_tls = transport is not None and transport.get_extra_info("ssl_object") is not None
        self.was_encrypted.append(session.ssl is not None or is_tls)
        return "250 taken"


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's certificate for 127.0.0.1 that this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.fixture
def mail_server(
    certificate: ssl.SSLContext, free_port: Callable[[], int]
) -> Iterator[Callable[[str], tuple[Mailbox, dict[str, Any]]]]:
    """Starts a mail server; gives its mailbox, and the settings that reach it."""
    running: list[Controller] = []

    def start(security: str) -> tuple[Mailbox, dict[str, Any]]:
        mailbox, port = Mailbox(), free_port()
        ways: dict[str, dict[str, Any]] = {
            "starttls": {"tls_context": certificate, "require_starttls": True},
            "tls": {"ssl_context": certificate},
            "none": {},
        }
        server = Controller(mailbox, hostname="127.0.0.1", port=port, **ways[security])
        server.start()
        running.append(server)
        people = {"sender": "t@example.com", "recipients": ["a@example.com"]}
        return mailbox, {"host": "127.0.0.1", "port": port, "security": security, **people}

    yield start
    for server in running:
        server.stop()


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
async def test_a_mail_server_is_reached_by_every_protection(
    alerting: Starting, mail_server: Callable[[str], tuple[Mailbox, dict[str, Any]]], security: str
) -> None:
    mailbox, smtp = mail_server(security)
    channels = {"boss": {"type": "email", "recipients": ["b@example.com"], "language": "en"}}
    async with alerting(smtp=smtp, channels=channels) as client:
        for name in ("email", "boss"):
            tested = (await client.post(f"/v1/channels/{name}/test")).json()
            assert tested["state"] == "delivered", tested["last_error"]
    assert [mail["To"] for mail in mailbox.mails] == ["a@example.com", "b@example.com"]
    assert mailbox.was_encrypted == [security != "none"] * 2
    both, english = mailbox.mails
    assert both["Subject"] == "[Tonewatch] 测试消息 / Test message: email"
    assert english["Subject"] == "[Tonewatch] Test message: boss"


async def test_a_mail_server_that_is_not_trusted_or_not_allowed_gets_nothing(
    alerting: Starting,
    mail_server: Callable[[str], tuple[Mailbox, dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mailbox, smtp = mail_server("tls")
    async with alerting(smtp=smtp, egress={}) as client:
        tested = (await client.post("/v1/channels/email/test")).json()
        assert "is not an allowed address" in tested["last_error"]
    monkeypatch.delenv("SSL_CERT_FILE")
    async with alerting(smtp=smtp) as client:
        tested = (await client.post("/v1/channels/email/test")).json()
        assert "certificate" in tested["last_error"].lower()
    assert mailbox.mails == []
