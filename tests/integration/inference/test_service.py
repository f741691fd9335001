"""The service over HTTP, and as the command that an operator runs."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.running import running
from tests.support.wait import wait_until
from tonewatch.inference.service import InferenceService
from tonewatch.inference.settings import InferenceOptions, InferenceSettings
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.errors import EngineError
from tonewatch.shared.http import create_client


def service_with(broker: RedisBroker, folder: Path, **options: Any) -> InferenceService:
    section = InferenceOptions(port=0, **options)
    return InferenceService(InferenceSettings(inference=section, data_dir=folder), broker)


async def test_the_engine_and_its_readiness_are_told(broker: RedisBroker, tmp_path: Path) -> None:
    service = service_with(broker, tmp_path, engine="fake")
    async with running(service) as url, create_client() as client:

        async def ready() -> bool:
            return (await client.get(f"{url}/ready")).status_code == 200

        await wait_until(ready)
        checks = (await client.get(f"{url}/ready")).json()["checks"]
        assert checks["engine"] == {"ok": True, "detail": "ready"}
        answer = (await client.get(f"{url}/v1/engine")).json()
        assert (answer["engine"], answer["ready"]) == ("fake", True)
        assert "tonewatch_engine_ready 1.0" in (await client.get(f"{url}/metrics")).text


async def test_while_a_model_is_awaited_the_service_answers_and_says_so(
    broker: RedisBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tonewatch.inference.engines import _hub

    def away(*_: Any, **__: Any) -> str:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(_hub, "_snapshot", lambda _name: away)
    service = service_with(broker, tmp_path, engine="emotion2vec", model="iic/none")
    async with running(service) as url, create_client() as client:

        async def explained() -> bool:
            return "no route to host" in (await client.get(f"{url}/v1/engine")).json()["detail"]

        await wait_until(explained)
        assert (await client.get(f"{url}/health")).status_code == 200
        response = await client.get(f"{url}/ready")
        assert response.status_code == 503
        assert "cannot download iic/none" in response.json()["checks"]["engine"]["detail"]


async def test_an_unusable_model_ends_the_service(broker: RedisBroker, tmp_path: Path) -> None:
    model = str(tmp_path / "nothing")
    service = service_with(broker, tmp_path, engine="emotion2vec", model=model)
    with pytest.raises(EngineError, match="there is no model directory"):
        async with running(service):
            await wait_until(lambda: service.host.state().detail.startswith("there is no"))


def test_the_command_exits_with_2_and_one_sentence(redis_url: str, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    environment = {
        **os.environ,
        "TONEWATCH_REDIS__URL": redis_url,
        "TONEWATCH_DATA_DIR": str(tmp_path),
        "TONEWATCH_LOG__LEVEL": "error",
        "TONEWATCH_INFERENCE__PORT": "0",
        "TONEWATCH_INFERENCE__ENGINE": "emotion2vec",
        "TONEWATCH_INFERENCE__MODEL": str(tmp_path / "model"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tonewatch.inference.main", "run"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("tonewatch-inference: ")
    assert "has no config.yaml, so it is no emotion2vec+ model" in line
