"""The API: rules with their errors, webhooks with their secrets, the delivery log in pages."""

import os
import signal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.integration.alerting.conftest import Starting
from tests.integration.alerting.receiver import SECRET, Answer, Request, receiving
from tests.support.messages import make_alert
from tests.support.wait import wait_until
from tonewatch.alerting.cli import add_commands
from tonewatch.alerting.service import AlertingService
from tonewatch.alerting.settings import AlertingSettings
from tonewatch.shared.broker import MemoryBroker, Outgoing, RedisBroker
from tonewatch.shared.errors import ConfigurationError
from tonewatch.shared.streams import ALERTS

GOOD = "rules:\n- {name: first, emotion: angry, threshold: 0.5}\n"
BAD = "rules:\n- {name: first, emotion: angri, threshold: 0.5}\n"


async def test_without_a_file_the_default_rule_is_in_force(alerting: Starting) -> None:
    async with alerting() as client:
        shown = (await client.get("/v1/rules")).json()
        (rule,) = shown["rules"]
        assert (rule["emotion"], rule["threshold"], rule["duration_sec"]) == ("angry", 0.75, 2.0)
        assert (shown["warnings"], shown["last_error"]) == ([], None)
        assert (await client.get("/ready")).json()["checks"]["rules"]["ok"]


async def test_a_changed_file_is_in_force_by_itself_and_a_bad_one_never_is(
    alerting: Starting, tmp_path: Path
) -> None:
    file = tmp_path / "rules" / "rules.yaml"
    file.parent.mkdir()
    file.write_text(GOOD)
    async with alerting(rules_file=file, rules_poll_seconds=0.2) as client:

        async def shown() -> dict[str, object]:
            answer: dict[str, object] = (await client.get("/v1/rules")).json()
            return answer

        file.write_text(GOOD.replace("first", "second"))

        async def is_second() -> bool:
            return "second" in str((await shown())["rules"])

        await wait_until(is_second)
        before = await shown()
        file.write_text(BAD)

        async def is_refused() -> object:
            return (await shown())["last_error"]

        await wait_until(is_refused)
        after = await shown()
        assert (after["rules"], after["hash"]) == (before["rules"], before["hash"])
        assert f"{file}:2:17: rules[0].emotion:" in str(after["last_error"])
        assert 'did you mean "angry"?' in str(after["last_error"])
        metrics = (await client.get("/metrics")).text
        assert "tonewatch_rules_last_reload_success 0.0" in metrics
        assert (await client.get("/ready")).status_code == 200
        refused = await client.post("/v1/rules/reload")
        assert refused.status_code == 422
        assert "angri" in refused.json()["detail"]
        replacement = file.with_suffix(".new")
        replacement.write_text(GOOD)
        replacement.rename(file)  # as editors and Kubernetes do
        assert (await client.post("/v1/rules/reload")).json()["last_error"] is None
        assert "first" in str((await shown())["rules"])
        file.unlink()
        await wait_until(is_refused)
        assert "No such file" in str((await shown())["last_error"])


async def test_a_hangup_signal_reads_the_rules_again(alerting: Starting, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(GOOD)
    async with alerting(rules_file=file, rules_poll_seconds=3600) as client:

        async def is_second() -> bool:
            return "second" in (await client.get("/v1/rules")).text

        file.write_text(GOOD.replace("first", "second"))
        assert not await is_second()
        os.kill(os.getpid(), signal.SIGHUP)
        await wait_until(is_second)


@pytest.mark.parametrize("content", [BAD, None])
async def test_a_service_does_not_start_with_rules_that_cannot_be_used(
    content: str | None, tmp_path: Path, memory_broker: MemoryBroker
) -> None:
    file = tmp_path / "rules.yaml"
    if content is not None:
        file.write_text(content)
    settings = AlertingSettings(data_dir=tmp_path, alerting={"rules_file": file})
    service = AlertingService(settings, memory_broker)
    with pytest.raises(ConfigurationError, match=r"rules.yaml:\d+:\d+"):
        await service.open()
    await service.close()


async def test_email_without_a_mail_server_is_one_warning(alerting: Starting) -> None:
    example = Path(__file__).parents[3] / "deploy/config/rules.example.yaml"
    async with alerting(rules_file=example) as client:
        shown = (await client.get("/v1/rules")).json()
        assert len(shown["rules"]) == 2
        (warning,) = shown["warnings"]
        assert "VIP客户恐惧告警" in warning
        assert "no mail server is configured" in warning


async def test_a_secret_is_shown_once_and_never_logged(
    alerting: Starting, broker: RedisBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    async with receiving() as receiver, alerting() as client:
        url = f"{receiver.url}?access_token=planted-token"
        made = await client.post("/v1/webhooks", json={"name": "robot", "url": url})
        assert made.status_code == 201
        secret = made.json()["secret"]
        assert secret.startswith("whsec_")
        receiver.secret = secret
        tested = (await client.post(f"/v1/webhooks/{made.json()['id']}/test")).json()
        assert (tested["state"], tested["attempts"][0]["status"]) == ("delivered", 204)
        assert receiver.kinds == ["test"]
        await broker.publish([Outgoing(ALERTS, make_alert())])
        await wait_until(lambda: len(receiver.requests) == 2)
        listed = await client.get("/v1/webhooks")
        everything = listed.text + (await client.get("/v1/deliveries")).text
        everything += (
            str(tested) + "".join(capsys.readouterr()) + (await client.get("/metrics")).text
        )
        assert "robot" in everything
        for planted in (secret, secret.removeprefix("whsec_"), "planted-token"):
            assert planted not in everything


async def test_webhooks_are_added_tested_and_removed(alerting: Starting) -> None:
    async def refuse(request: Request) -> Answer:
        return 500, {}, "broken"

    async with receiving(refuse) as receiver:
        declared = {"name": "fixed", "url": receiver.url, "secret": SECRET}
        async with alerting(webhooks=[declared]) as client:
            new = {"name": "mine", "url": receiver.url, "secret": SECRET}
            made = (await client.post("/v1/webhooks", json=new)).json()
            assert (await client.post("/v1/webhooks", json=new)).status_code == 409
            failed = (await client.post(f"/v1/webhooks/{made['id']}/test")).json()
            assert (failed["state"], failed["attempt_count"]) == ("failed", 1)
            assert failed["attempts"][0]["response"] == "broken"
            assert (await client.delete(f"/v1/webhooks/{made['id']}")).status_code == 204
            assert (await client.delete(f"/v1/webhooks/{made['id']}")).status_code == 404
            (fixed,) = (await client.get("/v1/webhooks")).json()["items"]
            assert fixed["declared"]
            assert (await client.delete(f"/v1/webhooks/{fixed['id']}")).status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        {"name": "a", "url": "ftp://example.com"},
        {"name": "a", "url": "https://user:planted@example.com"},
        {"name": "a", "url": "https://example.com", "secret": "whsec_planted"},
        {"name": "", "url": "https://example.com"},
        {"name": "a", "url": "https://example.com", "secrets": "x"},
    ],
)
async def test_a_webhook_that_cannot_work_is_refused(
    alerting: Starting, body: dict[str, str]
) -> None:
    async with alerting() as client:
        answer = await client.post("/v1/webhooks", json=body)
        assert answer.status_code in {400, 422}
        assert "planted" not in answer.text
        assert (await client.get("/v1/webhooks")).json()["items"] == []


async def test_a_declared_webhook_that_leaves_the_settings_is_gone_after_a_restart(
    alerting: Starting,
) -> None:
    hook = {"name": "fixed", "url": "http://127.0.0.1:9/", "secret": SECRET}
    async with alerting(webhooks=[hook]) as client:
        (before,) = (await client.get("/v1/webhooks")).json()["items"]
    async with alerting(webhooks=[hook | {"url": "http://127.0.0.1:10/"}]) as client:
        (after,) = (await client.get("/v1/webhooks")).json()["items"]
        assert (after["id"], after["url"]) == (before["id"], "http://127.0.0.1:10/")
    async with alerting() as client:
        assert (await client.get("/v1/webhooks")).json()["items"] == []


async def test_the_delivery_log_is_read_in_pages_and_filtered(
    alerting: Starting, broker: RedisBroker
) -> None:
    async with receiving() as receiver:
        hook = {"name": "fixed", "url": receiver.url, "secret": SECRET}
        async with alerting(webhooks=[hook]) as client:
            alerts = [
                make_alert(alert_id=f"alert-{number}", session_id=f"call-{number}")
                for number in range(5)
            ]
            await broker.publish([Outgoing(ALERTS, alert) for alert in alerts])
            await wait_until(lambda: len(receiver.requests) == 5)
            seen, cursor = [], None
            while True:
                query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
                page = (await client.get("/v1/deliveries", params=query)).json()
                seen += [item["alert_id"] for item in page["items"]]
                if (cursor := page["next_cursor"]) is None:
                    break
            assert sorted(seen) == [f"alert-{number}" for number in range(5)]
            one = (await client.get("/v1/deliveries", params={"alert_id": "alert-3"})).json()
            assert len(one["items"]) == 1
            none = (await client.get("/v1/deliveries", params={"channel": "email"})).json()
            assert none["items"] == []
            assert (await client.get("/v1/deliveries/absent")).status_code == 404


def test_a_rules_file_can_be_looked_at_before_it_is_deployed(tmp_path: Path) -> None:
    import typer

    app = typer.Typer()
    add_commands(app)
    file = tmp_path / "rules.yaml"
    file.write_text(GOOD)
    assert "fine, 1 rules" in CliRunner().invoke(app, ["check", str(file)]).output
    file.write_text(BAD)
    result = CliRunner().invoke(app, ["check", str(file)])
    assert "rules.yaml:2:17" in str(result.exception)
    assert CliRunner().invoke(app, ["new-secret"]).output.startswith("whsec_")
