"""What the pages about the socket ways in tell people to run and to write works as it stands."""

import asyncio
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.integration.ingest.calls import add, ended, tracks
from tests.integration.ingest.conftest import MakeIngest
from tests.integration.ingest.streams import Reader
from tests.support.audio import speech_like_pcm, write_wav
from tests.support.running import running
from tests.support.wait import wait_until
from tonewatch.ingest.sources import SourceKind, read_declared
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import create_client
from tonewatch.shared.messages import Speaker

PAGES = Path(__file__).parents[3] / "docs" / "ways-in"


def block(page: str, language: str) -> str:
    """The first block of code in a language."""
    pattern = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    found = pattern.search((PAGES / page).read_text())
    assert found is not None
    return found.group(1)


async def test_the_sender_in_python_sends_a_file(
    make_ingest: MakeIngest, broker: RedisBroker, tmp_path: Path
) -> None:
    program, pcm, reader = tmp_path / "send.py", speech_like_pcm(0.5), Reader(broker)
    program.write_text(block("websocket.md", "python"))
    path = write_wav(tmp_path / "call.wav", pcm)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        source = await add(client)
        url = source["publish_url"].replace("ws://127.0.0.1:8080", base.replace("http", "ws"))
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(program), url, str(path), stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
        await wait_until(lambda: ended(reader))
    assert process.returncode == 0
    assert b'"type":"started"' in said
    assert await tracks(reader) == {Speaker.MIXED: pcm}


def test_the_sources_file_of_the_asterisk_page_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text(block("asterisk.md", "yaml"))
    (source,) = read_declared(path, datetime(2026, 1, 4, tzinfo=UTC)).sources
    assert source.kind is SourceKind.AUDIOSOCKET
    assert source.key_hash is not None
