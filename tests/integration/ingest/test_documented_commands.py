"""The commands on the overview of the ways in and on the RTMP page do what the pages say."""

from datetime import UTC, datetime
from pathlib import Path

import yaml

from tests.integration.ingest.conftest import MakeIngest, StartNginx
from tests.integration.ingest.streams import Reader, StreamServer
from tests.integration.ingest.test_push import in_state
from tests.support.audio import speech_like_pcm, write_wav
from tests.support.pages import both, code, commands, endless_commands
from tests.support.public_door import public_door
from tests.support.running import running
from tests.support.shell import Shell
from tests.support.wait import wait_until
from tonewatch.ingest.sources import SourceKind, Voices, read_declared
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import create_client
from tonewatch.shared.messages import SessionState, Speaker


@both("ways-in/rtmp.md")
async def test_rtmp(
    page: Path,
    make_ingest: MakeIngest,
    broker: RedisBroker,
    nginx: StartNginx,
    rtmp_port: int,
    ffmpeg: str,
    tmp_path: Path,
) -> None:
    reader, live = Reader(broker), f"rtmp://127.0.0.1:{rtmp_port}/live"
    write_wav(tmp_path / "call.wav", speech_like_pcm(3))
    service = make_ingest(rtmp_play_base=live, rtmp_publish_base=live)
    async with (
        running(service) as base,
        public_door(broker, tmp_path / "console", ingest_url=base) as door,
    ):
        await nginx(base)
        shell = Shell(tmp_path, ffmpeg, **{"localhost:1935": f"127.0.0.1:{rtmp_port}"}).through(
            door
        )
        make, push, *others = commands(page)
        source = await shell.run(make)
        shell.values |= {"STREAM_KEY": source["stream_key"], "ID": source["id"]}
        await shell.run(push.replace("-i call.wav", "-i call.wav -ac 2"))
        await wait_until(lambda: _ended(reader))
        rotated, changed, audit = [await shell.run(each) for each in others]
    (started,) = await reader.sessions(SessionState.STARTED)
    assert started.labels == {"queue": "vip", "agent_id": "1042"}
    assert len(started.speakers) == 2
    assert rotated["stream_key"] != source["stream_key"]
    assert changed["policy"] == {"customer": "on", "agent": "off"}
    assert audit["items"][0]["actor"] == "test"  # the key's name


@both("ways-in/rtmp.md")
async def test_mediamtx_asks_where_the_page_says(page: Path, make_ingest: MakeIngest) -> None:
    settings = yaml.safe_load(code(page, "yaml", "authHTTPAddress"))
    assert settings["authMethod"] == "http"
    path = settings["authHTTPAddress"].removeprefix("http://INGEST:8080")
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        made = await client.post("/v1/sources", json={"name": "desk 4", "kind": "rtmp"})
        publish = {"action": "publish", "path": "live/desk-4", "protocol": "rtmp", "id": "1"}
        key = f"key={made.json()['stream_key']}"
        assert (await client.post(path, json={**publish, "query": key})).status_code == 204
        assert (await client.post(path, json={**publish, "query": "key=x"})).status_code == 403


@both("ways-in/README.md")
async def test_how_the_sources_are(
    page: Path,
    make_ingest: MakeIngest,
    broker: RedisBroker,
    stream_server: StreamServer,
    ffmpeg: str,
    tmp_path: Path,
) -> None:
    (follow,) = endless_commands(page)
    async with (
        running(make_ingest()) as base,
        create_client(base_url=base) as client,
        public_door(broker, tmp_path / "console", ingest_url=base) as door,
    ):
        shell = Shell(tmp_path, ffmpeg).through(door)
        wish = {"name": "city radio", "url": stream_server.url("/nothing")}
        made = (await client.post("/v1/sources", json=wish)).json()
        await wait_until(lambda: in_state(client, made["id"], "backoff"))
        shell.values |= {"ID": made["id"]}
        listed, history = [await shell.run(each) for each in commands(page)]
        # the lost stream is tried again, so something changes by itself
        await shell.listen(follow, "event: source")
    assert "city radio" in [each["name"] for each in listed["items"]]
    assert "connecting" in [each["state"] for each in history["items"]]


@both("ways-in/README.md")
def test_the_sources_file(page: Path, tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text(code(page, "yaml", "sources:"))
    desk, radio = read_declared(path, datetime(2026, 1, 4, tzinfo=UTC)).sources
    assert (desk.kind, radio.kind) == (SourceKind.RTMP, SourceKind.PULL)
    assert desk.voices.unmonitored == {Speaker.AGENT}
    assert desk.permitted_labels == ("agent_id",)
    assert radio.voices == Voices()


async def _ended(reader: Reader) -> bool:
    return bool(await reader.sessions(SessionState.ENDED))
