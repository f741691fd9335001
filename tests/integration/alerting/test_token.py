"""Alerting shows storage and is shown the suite's own token; a wrong one loses nothing."""

import asyncio
import json
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from tests.conftest import PARTITIONS
from tests.integration.alerting.rules.test_reload_script import GOOD, reload
from tests.support.messages import make_alert
from tests.support.running import running
from tests.support.wait import wait_until
from tonewatch.alerting.cli import add_commands
from tonewatch.alerting.notices import verdicts
from tonewatch.alerting.service import AlertingService
from tonewatch.alerting.settings import AlertingSettings
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.errors import UnavailableError
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.streams import ALERTS
from tonewatch.storage.service import StorageService
from tonewatch.storage.settings import StorageSettings

TOKEN: Final = "the-token-of-this-suite"
OTHER: Final = "the-token-of-that-suite"
SPAN: Final = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}


async def backtest(client: AsyncClient) -> dict[str, object]:
    answer = await client.post("/v1/rules/backtest", json={"names": ["first"], **SPAN})
    last: dict[str, object] = json.loads(answer.text.splitlines()[-1])
    return last


@pytest.fixture
def rules_file(tmp_path: Path) -> Path:
    file = tmp_path / "rules.yaml"
    file.write_text(GOOD)
    return file


@pytest.mark.parametrize("token", [TOKEN, OTHER])
async def test_history_is_asked_with_the_token(
    broker: RedisBroker, tmp_path: Path, rules_file: Path, token: str
) -> None:
    common: dict[str, Any] = {"partitions": PARTITIONS, "data_dir": tmp_path}
    storage = StorageSettings(**common, token=SecretStr(TOKEN), storage={"port": 0})
    async with running(StorageService(storage, broker)) as storage_url:
        options = {"port": 0, "rules_file": rules_file, "storage_url": storage_url}
        settings = AlertingSettings(**common, token=SecretStr(token), alerting=options)
        async with (
            running(AlertingService(settings, broker)) as url,
            create_client(base_url=url, token=SecretStr(token)) as client,
        ):
            last = await backtest(client)
            if token == TOKEN:
                assert last["complete"]
            else:
                assert last["type"] == "error"
                assert "storage answered 401" in str(last["detail"])
                assert OTHER not in str(last)


async def test_verdicts_are_told_with_the_token(
    broker: RedisBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdicts, "LOOK_SECONDS", 0.05)
    token = SecretStr(TOKEN)
    common: dict[str, Any] = {"partitions": PARTITIONS, "data_dir": tmp_path, "token": token}
    kept = StorageSettings(**common, storage={"port": 0, "batch_seconds": 0.02})
    async with running(StorageService(kept, broker)) as storage_url:
        settings = AlertingSettings(**common, alerting={"port": 0, "storage_url": storage_url})
        async with (
            running(AlertingService(settings, broker)) as url,
            create_client(base_url=url, token=token) as alerting,
            create_client(base_url=storage_url, token=token) as storage,
        ):
            await broker.publish([Outgoing(ALERTS, make_alert(alert_id="alert-1"))])

            async def is_known() -> bool:
                asked = [await each.get("/v1/alerts/alert-1") for each in (alerting, storage)]
                return all(answer.is_success for answer in asked)

            async def is_judged() -> bool:
                return bool((await storage.get("/v1/alerts/alert-1")).json()["verdict"] == "right")

            await wait_until(is_known)
            body = {"by": "li", "verdict": "right"}
            assert (await alerting.post("/v1/alerts/alert-1/close", json=body)).is_success
            await wait_until(is_judged)


async def test_the_commands_show_it(
    broker: RedisBroker, tmp_path: Path, rules_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    common: dict[str, Any] = {"partitions": PARTITIONS, "data_dir": tmp_path}
    kept = tmp_path / "token"
    storage = StorageSettings(**common, token_file=kept, storage={"port": 0})
    app = typer.Typer()
    add_commands(app)

    async def run(url: str) -> Result:
        line = ["backtest", str(rules_file), "--storage-url", url]
        return await asyncio.to_thread(CliRunner().invoke, app, line)

    async with running(StorageService(storage, broker)) as storage_url:
        refused = await run(storage_url)
        assert isinstance(refused.exception, UnavailableError)
        monkeypatch.setenv("TONEWATCH_TOKEN_FILE", str(kept))
        result = await run(storage_url)
        assert result.exit_code == 0, result.output
        assert '"first" would have fired never' in result.output


async def test_the_reload_script_shows_it(
    broker: RedisBroker, tmp_path: Path, rules_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "token"
    settings = AlertingSettings(
        partitions=PARTITIONS,
        data_dir=tmp_path,
        token_file=kept,
        alerting={"port": 0, "rules_file": rules_file},
    )
    async with running(AlertingService(settings, broker)) as url:
        monkeypatch.setenv("TONEWATCH_TOKEN", OTHER)
        code, printed = await reload(url)
        assert (code, "TONEWATCH_TOKEN_FILE" in printed) == (2, True), printed
        monkeypatch.delenv("TONEWATCH_TOKEN")
        monkeypatch.setenv("TONEWATCH_TOKEN_FILE", str(kept))
        code, printed = await reload(url)
        assert (code, "1 rules in force" in printed) == (0, True), printed
