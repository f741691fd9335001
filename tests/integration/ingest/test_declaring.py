"""The sources file changes while ingest runs: what it keeps goes on, a bad file is refused."""

import os
import signal
from pathlib import Path
from typing import Any

from tests.integration.ingest.conftest import MakeIngest
from tests.integration.ingest.streams import Reader, StreamServer
from tests.support.audio import speech_like_pcm
from tests.support.running import running
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.messages import SessionState


async def names(client: AsyncClient) -> dict[str, dict[str, Any]]:
    """The sources by name, but for the uploads'."""
    items = (await client.get("/v1/sources")).json()["items"]
    return {item["name"]: item for item in items if item["kind"] != "upload"}


async def test_a_changed_file_is_taken_over_and_the_unchanged_source_goes_on(
    make_ingest: MakeIngest, broker: RedisBroker, stream_server: StreamServer, tmp_path: Path
) -> None:
    reader, file = Reader(broker), tmp_path / "sources.yaml"
    for path in ("/one", "/two"):
        stream_server.add_live(path, speech_like_pcm(3))
    one, two = (f"url: {stream_server.url(path)}" for path in ("/one", "/two"))
    file.write_text(f"sources: [{{name: one, {one}}}, {{name: two, {two}}}]")
    service = make_ingest(sources_file=file)
    async with running(service) as base, create_client(base_url=base) as client:
        await wait_until(lambda: _sessions(reader, SessionState.STARTED, 2))
        first = await names(client)

        file.write_text(
            f"sources: [{{name: one, {one}}}, {{name: two, {two}, labels: {{queue: vip}}}},"
            f" {{name: three, {two}}}]"
        )
        await wait_until(lambda: _has(client, {"one", "two", "three"}))
        await wait_until(lambda: _sessions(reader, SessionState.STARTED, 4))
        second = await names(client)
        assert second["one"]["session_id"] == first["one"]["session_id"]
        assert second["two"]["labels"] == {"queue": "vip"}

        file.write_text("sources: [{name: one, url: 'ftp://x'}]")
        answer = await client.post("/v1/sources-file/reload")
        assert answer.status_code == 400
        assert f"{file}:1" in answer.text
        assert (await client.get("/v1/sources-file")).json()["error"]
        assert set(await names(client)) == {"one", "two", "three"}

        file.write_text(f"sources: [{{name: one, {one}}}]")
        os.kill(os.getpid(), signal.SIGHUP)
        await wait_until(lambda: _has(client, {"one"}))
        assert (await names(client))["one"]["session_id"] == first["one"]["session_id"]
        await wait_until(lambda: _is_accepted(client))
        entries = (await client.get("/v1/audit")).json()["items"]
    assert {(entry["actor"], entry["action"]) for entry in entries} == {
        ("sources file", "source.added"),
        ("sources file", "source.changed"),
        ("sources file", "source.deleted"),
    }


async def test_a_key_of_another_source_changes_nothing(
    make_ingest: MakeIngest, tmp_path: Path
) -> None:
    file = tmp_path / "sources.yaml"
    file.write_text("sources: []")
    async with running(make_ingest(sources_file=file)) as base, create_client(base_url=base) as c:
        made = (await c.post("/v1/sources", json={"name": "desk", "kind": "rtmp"})).json()
        file.write_text(f"sources: [{{name: other, stream_key: {made['stream_key']}}}]")
        answer = await c.post("/v1/sources-file/reload")
        assert answer.status_code == 409
        assert set(await names(c)) == {"desk"}


async def _sessions(reader: Reader, state: SessionState, least: int) -> bool:
    return len(await reader.sessions(state)) >= least


async def _is_accepted(client: AsyncClient) -> bool:
    return (await client.get("/v1/sources-file")).json()["error"] is None


async def _has(client: AsyncClient, wanted: set[str]) -> bool:
    return set(await names(client)) == wanted
