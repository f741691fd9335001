"""The commands on the pages of the ways in do what the pages say."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ingest.conftest import MakeIngest, StartNginx
from tests.integration.ingest.streams import Reader
from tests.support.audio import speech_like_pcm, write_wav
from tests.support.require import require_tool
from tests.support.running import running
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.messages import SessionState

PAGES = Path(__file__).parents[3] / "docs" / "ways-in"
BLOCK = re.compile(r"```bash\n(.*?)```", re.DOTALL)
ENDLESS = "curl -sN"


def commands(page: str) -> Iterator[str]:
    """The commands of a page, one by one."""
    for block in BLOCK.findall((PAGES / page).read_text(encoding="utf-8")):
        yield from (line for line in _joined(block) if not line.startswith(ENDLESS))


def _joined(block: str) -> Iterator[str]:
    """The lines of a block, those that go on put together."""
    whole = ""
    for line in block.replace("\\\n", " ").splitlines():
        whole = f"{whole}\n{line}" if whole else line
        if whole.count("'") % 2 == 0:
            yield whole
            whole = ""


class Shell:
    """Runs commands as a reader of the page would, with their own values put in."""

    def __init__(self, folder: Path, ffmpeg: str, **values: str) -> None:
        self._folder = folder
        self._ffmpeg = ffmpeg
        self.values = values

    async def run(self, command: str) -> Any:
        """What a command prints, as JSON if it is that."""
        for name, value in self.values.items():
            command = re.sub(rf"\b{re.escape(name)}\b", value, command)
        command = command.replace("curl -s", "curl -s --fail-with-body", 1)
        command = re.sub(r"^ffmpeg", f"{self._ffmpeg} -nostdin -loglevel error", command)
        process = await asyncio.create_subprocess_shell(
            command, cwd=self._folder, stdout=asyncio.subprocess.PIPE
        )
        printed, _ = await process.communicate()
        assert process.returncode == 0, (command, printed)
        return json.loads(printed) if printed.startswith((b"{", b"[")) else printed


@pytest.fixture
def shell(ffmpeg: str, tmp_path: Path) -> Shell:
    """In a folder with the recording that the pages speak of."""
    require_tool("curl")
    write_wav(tmp_path / "call.wav", speech_like_pcm(3))
    return Shell(tmp_path, ffmpeg)


@pytest.mark.parametrize("page", ["rtmp.md", "rtmp.zh-CN.md"])
async def test_rtmp(
    page: str,
    make_ingest: MakeIngest,
    broker: RedisBroker,
    nginx: StartNginx,
    rtmp_port: int,
    shell: Shell,
) -> None:
    reader, live = Reader(broker), f"rtmp://127.0.0.1:{rtmp_port}/live"
    service = make_ingest(rtmp_play_base=live, rtmp_publish_base=live)
    async with running(service) as base:
        await nginx(base)
        shell.values = {
            "localhost:8080": base.removeprefix("http://"),
            "localhost:1935": f"127.0.0.1:{rtmp_port}",
        }
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
    assert audit["items"][0]["actor"] == "chen"


async def _ended(reader: Reader) -> bool:
    return bool(await reader.sessions(SessionState.ENDED))
