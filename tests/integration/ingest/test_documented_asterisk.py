"""What the page about Asterisk tells people to set, to run and to dial works as it stands."""

import re
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from tests.integration.ingest.calls import ended
from tests.integration.ingest.conftest import MakeIngest
from tests.integration.ingest.streams import Reader
from tests.support.audio import speech_like_pcm
from tests.support.pages import assignments, blocks, both, code, commands
from tests.support.public_door import public_door
from tests.support.running import running
from tests.support.shell import Shell
from tests.support.sockets import AsteriskCall, audiosocket_frame
from tests.support.wait import wait_until
from tonewatch.ingest.settings import IngestOptions, IngestSettings
from tonewatch.ingest.sources import SourceKind, read_declared
from tonewatch.shared.broker import RedisBroker

PAGE = both("ways-in/asterisk.md")
APPLICATION = re.compile(r"AudioSocket\(([^,()]+),([^,()]+)\)")


@pytest.fixture
def options(page: Path, monkeypatch: pytest.MonkeyPatch) -> IngestOptions:
    """Ingest's settings with what the page puts into the environment."""
    for name, value in assignments(page).items():
        if name.startswith("TONEWATCH_"):
            monkeypatch.setenv(name, value)
    return IngestSettings.load().ingest


async def ring(port: int, key: str, pcm: bytes) -> None:
    """A call as Asterisk makes it, from its UUID to the hang-up."""
    call = await AsteriskCall.dial(port, key)
    await call.audio(pcm, 0x12)
    await call.send(audiosocket_frame(0x00))
    assert await call.answered() == b""
    await call.close()


@PAGE
async def test_a_source_is_made_and_its_uuid_can_be_dialled(
    page: Path,
    options: IngestOptions,
    make_ingest: MakeIngest,
    broker: RedisBroker,
    ffmpeg: str,
    tmp_path: Path,
) -> None:
    (make,) = commands(page)
    # any port that is free instead of the one on the page
    service = make_ingest(**options.model_dump(exclude_unset=True) | {"audiosocket_port": 0})
    reader = Reader(broker)
    async with (
        running(service) as base,
        public_door(broker, tmp_path / "console", ingest_url=base) as door,
    ):
        source = await Shell(tmp_path, ffmpeg).through(door).run(make)
        key = source["stream_key"]
        await ring(service.audiosocket.port, key, speech_like_pcm(1))
        await wait_until(lambda: ended(reader))
    assert str(UUID(key)) == key
    assert source["publish_url"] == f"audiosocket://{options.audiosocket_publish_base}/{key}"
    (event,) = await ended(reader)
    assert (event.frames, event.labels) == (1, {"queue": "vip"})


@PAGE
async def test_the_dialplans_call_the_source_of_the_sources_file(
    page: Path,
    options: IngestOptions,
    make_ingest: MakeIngest,
    broker: RedisBroker,
    tmp_path: Path,
) -> None:
    declared, reader = tmp_path / "sources.yaml", Reader(broker)
    declared.write_text(code(page, "yaml"))
    (source,) = read_declared(declared, datetime(2026, 1, 4, tzinfo=UTC)).sources
    assert source.kind is SourceKind.AUDIOSOCKET
    dialplans = "".join(each.code for each in blocks(page, "ini"))
    dialled = APPLICATION.findall(dialplans)
    assert len(dialled) == dialplans.count("AudioSocket(") == 2
    service = make_ingest(audiosocket_port=0, sources_file=declared)
    async with running(service):
        for key, address in dialled:
            assert address == options.audiosocket_publish_base
            await ring(service.audiosocket.port, key, speech_like_pcm(1))
        await wait_until(lambda: ended(reader, len(dialled)))
    assert {event.source_id for event in await ended(reader)} == {source.id}


@PAGE
def test_the_page_s_port_is_in_its_address(options: IngestOptions) -> None:
    assert options.audiosocket_publish_base.endswith(f":{options.audiosocket_port}")
