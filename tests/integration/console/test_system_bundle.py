"""The support bundle and the figures, also while a service is away."""

import io
import json
import zipfile
from pathlib import Path

from tests.integration.console.conftest import Console, opened_console
from tests.support.fake_suite import FakeSuite
from tonewatch.shared.broker import MemoryBroker
from tonewatch.shared.http import AsyncClient

FOLDER = "tonewatch-support/"


async def unpacked(client: AsyncClient) -> dict[str, str]:
    answer = (await client.get("/api/v1/system/bundle")).raise_for_status()
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    assert all(name.startswith(FOLDER) for name in files)
    return {name.removeprefix(FOLDER): text for name, text in files.items()}


async def test_the_bundle_holds_what_its_readme_names(console: Console) -> None:
    console.suite.sources = [{"id": "1", "name": "line", "url": "http://u:pw-of-line@h/"}]
    files = await unpacked(console.client)
    for name in ("versions.json", "checks.json", "streams.json", "transitions.json"):
        assert name in files["README.txt"]
        json.loads(files[name])
    for service in ("console", "ingest", "inference", "alerting", "storage"):
        assert json.loads(files["versions.json"])[service]["version"] == "0.1.0"
        assert "redis" in json.loads(files[f"settings/{service}.json"])
        assert "process_" in files[f"metrics/{service}.txt"]
    assert "line" in files["transitions.json"]
    assert "pw-of-line" not in "".join(files.values())


async def test_a_service_that_is_away_is_named_and_the_rest_is_there(
    suite: FakeSuite, memory_broker: MemoryBroker, tmp_path: Path
) -> None:
    suite.hangs = True
    nobody = {"storage_url": "http://127.0.0.1:9", "upstream_seconds": 5}
    async with opened_console(suite, memory_broker, tmp_path, **nobody) as console:
        client = console.client
        client.timeout = 60
        files = await unpacked(client)
        assert "error" in json.loads(files["versions.json"])["storage"]
        assert "version" in json.loads(files["versions.json"])["ingest"]
        assert "metrics/storage.txt" not in files
        figures = (await client.get("/api/v1/system/figures")).raise_for_status().json()
        assert figures["versions"]["storage"] is None
        assert figures["figures"]["database_bytes"] is None
        assert {each["stream"] for each in figures["streams"]} >= {"frames", "scores"}
