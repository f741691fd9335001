"""What the page about uploads tells people to run and to set works as it stands."""

import wave
from pathlib import Path

import pytest

from tests.integration.ingest.conftest import MakeIngest
from tests.integration.ingest.streams import Reader
from tests.integration.ingest.test_folders import QUICK
from tests.support.audio import RATE_HZ, speech_like_pcm
from tests.support.pages import both, code, commands, prose
from tests.support.public_door import public_door
from tests.support.running import running
from tests.support.shell import Shell
from tests.support.sockets import backwards, interleaved
from tests.support.wait import wait_until
from tonewatch.ingest.folders import WatchedFolder
from tonewatch.ingest.settings import IngestSettings
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.messages import SessionState, Speaker

PAGE = both("ways-in/upload.md")
LONG_SECONDS = 600
"""Nobody scores here, so a recording of this length is taken in until it is cancelled."""


def write_call(path: Path, pcm: bytes) -> None:
    """A call with a speaker on each channel."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(interleaved(pcm, backwards(pcm)))


@PAGE
async def test_a_recording_is_uploaded_listed_and_cancelled(
    page: Path, make_ingest: MakeIngest, broker: RedisBroker, ffmpeg: str, tmp_path: Path
) -> None:
    send, look, cancel = commands(page)
    write_call(tmp_path / "call.wav", speech_like_pcm(1) * LONG_SECONDS)
    reader = Reader(broker)
    async with (
        running(make_ingest()) as base,
        public_door(broker, tmp_path / "console", ingest_url=base) as door,
    ):
        shell = Shell(tmp_path, ffmpeg).through(door)
        accepted = await shell.run(send)
        shell.values |= {"SESSION_ID": accepted["session_id"]}
        (listed,) = (await shell.run(look))["items"]
        assert "`GET /api/v1/audio/SESSION_ID`" in prose(page)
        progress = await shell.run(look.replace("?limit=20", "/SESSION_ID"))
        cancelled = await shell.run(cancel)
        await wait_until(lambda: reader.sessions(SessionState.ENDED))
    assert listed["name"] == accepted["name"] == "call 17"
    assert (progress["state"], cancelled["state"]) == ("publishing", "cancelled")
    (started,) = await reader.sessions(SessionState.STARTED)
    assert started.labels == {"agent_id": "1042"}
    assert set(started.speakers) == {Speaker.CUSTOMER, Speaker.AGENT}


@PAGE
async def test_the_watched_folder_takes_a_recording_in_and_moves_it(
    page: Path,
    make_ingest: MakeIngest,
    broker: RedisBroker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, reader, config = tmp_path / "monitor", Reader(broker), tmp_path / "tonewatch.yaml"
    moved = folder / "done" / "vip-1042.wav"
    folder.mkdir()
    text = code(page, "yaml", "watched_folders")
    config.write_text(text.replace("/var/spool/asterisk/monitor", str(folder)))
    monkeypatch.setenv("TONEWATCH_CONFIG", str(config))
    options = IngestSettings.load().ingest.model_dump(mode="json", exclude_unset=True)
    async with running(make_ingest(**options, **QUICK)):
        write_call(folder / "vip-1042.wav", speech_like_pcm(1))
        await wait_until(moved.exists)
        await wait_until(lambda: reader.sessions(SessionState.ENDED))
    (started,) = await reader.sessions(SessionState.STARTED)
    assert started.labels == {"site": "north", "queue": "vip", "agent_id": "1042"}
    assert started.speakers == (Speaker.CUSTOMER,)


@PAGE
def test_every_field_of_a_watched_folder_is_on_the_page(page: Path) -> None:
    absent = [name for name in WatchedFolder.model_fields if f"`{name}`" not in prose(page)]
    assert absent == []
