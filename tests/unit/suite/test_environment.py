import json
from pathlib import Path

import pytest

from tonewatch.shared.errors import ConfigurationError
from tonewatch.suite.environment import suite_environment
from tonewatch.suite.folder import DataFolder
from tonewatch.suite.options import Engine, UpOptions
from tonewatch.suite.ports import Ports


def environment(folder: Path, **options: object) -> dict[str, str]:
    return suite_environment(
        UpOptions(**options),  # type: ignore[arg-type]
        Ports.moved(100),
        DataFolder(folder),
        broker_url="unix:///tmp/b.sock",
        ffmpeg="/usr/bin/ffmpeg",
        models=Path("/models"),
    )


def test_every_service_gets_its_moved_port_and_the_console_finds_them(tmp_path: Path) -> None:
    env = environment(tmp_path)
    assert env["TONEWATCH_CONSOLE__PORT"] == "7960"
    assert env["TONEWATCH_STORAGE__PORT"] == "8182"
    assert env["TONEWATCH_CONSOLE__STORAGE_URL"] == "http://127.0.0.1:8182"
    assert env["TONEWATCH_ALERTING__STORAGE_URL"] == "http://127.0.0.1:8182"
    assert env["TONEWATCH_INGEST__RTMP_PLAY_BASE"] == "rtmp://127.0.0.1:2035/live"
    assert env["TONEWATCH_REDIS__URL"] == "unix:///tmp/b.sock"
    assert env["TONEWATCH_DATA_DIR"] == str(tmp_path)
    assert env["TONEWATCH_TOKEN_FILE"] == str(tmp_path / "token")


def test_the_users_own_settings_win_but_not_over_the_wiring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONEWATCH_LOG__FORMAT", "json")
    monkeypatch.setenv("TONEWATCH_INGEST__PORT", "1")
    env = environment(tmp_path)
    assert env["TONEWATCH_LOG__FORMAT"] == "json"
    assert env["TONEWATCH_INGEST__PORT"] == "8180"


def test_configuration_files_are_named_once_they_are_there(tmp_path: Path) -> None:
    assert "TONEWATCH_ALERTING__RULES_FILE" not in environment(tmp_path)
    (tmp_path / "rules.yaml").write_text("rules: []\n")
    assert environment(tmp_path)["TONEWATCH_ALERTING__RULES_FILE"] == str(tmp_path / "rules.yaml")


def test_only_the_demo_may_reach_this_machine(tmp_path: Path) -> None:
    plain, demo = environment(tmp_path), environment(tmp_path, demo=True)
    for service in ("INGEST", "ALERTING"):
        assert f"TONEWATCH_{service}__EGRESS__ALLOW" not in plain
        assert json.loads(demo[f"TONEWATCH_{service}__EGRESS__ALLOW"]) == ["127.0.0.0/8"]


def test_the_demos_webhook_stands_beside_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"name": "own", "url": "https://example.org/hook", "secret": "whsec_AAAA"}
    monkeypatch.setenv("TONEWATCH_ALERTING__WEBHOOKS", json.dumps([own]))
    webhooks = json.loads(environment(tmp_path, check=True)["TONEWATCH_ALERTING__WEBHOOKS"])
    assert webhooks[0] == own
    assert webhooks[1]["url"] == "http://127.0.0.1:8190/alerts"
    assert webhooks[1]["secret"] == DataFolder(tmp_path).webhook_secret


@pytest.mark.parametrize("value", ["[", '{"name": "x"}'])
def test_webhooks_that_are_no_json_list_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("TONEWATCH_ALERTING__WEBHOOKS", value)
    with pytest.raises(ConfigurationError, match="TONEWATCH_ALERTING__WEBHOOKS is not"):
        environment(tmp_path, demo=True)


def test_the_engine_is_the_workers_default_unless_chosen(tmp_path: Path) -> None:
    assert "TONEWATCH_INFERENCE__ENGINE" not in environment(tmp_path)
    chosen = environment(tmp_path, engine=Engine.EMOTION2VEC, model="iic/emotion2vec_plus_base")
    assert chosen["TONEWATCH_INFERENCE__ENGINE"] == "emotion2vec"
    assert chosen["TONEWATCH_INFERENCE__MODEL"] == "iic/emotion2vec_plus_base"


def test_a_model_folder_is_told_by_its_full_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weights").mkdir()
    monkeypatch.chdir(tmp_path)
    env = environment(tmp_path, engine=Engine.EMOTION2VEC, model="weights")
    assert env["TONEWATCH_INFERENCE__MODEL"] == str(tmp_path / "weights")


def test_a_model_without_the_engine_that_uses_it_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="--engine emotion2vec"):
        UpOptions(model="weights")
