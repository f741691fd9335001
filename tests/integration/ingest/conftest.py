"""Ingest in the test's process, with real ffmpeg, a local stream server and a real nginx-rtmp."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from string import Template
from typing import Any

import pytest

from tests.integration.ingest.streams import Encoder, StreamServer
from tests.support.require import require_path, require_tool
from tests.support.wait import accepts, wait_until
from tonewatch.ingest.service import IngestService
from tonewatch.ingest.settings import IngestOptions, IngestSettings
from tonewatch.shared.broker import RedisBroker

TEMPLATE = Path(__file__).parents[3] / "deploy" / "rtmp" / "nginx.conf.template"
FIRST_APPLICATION = "application live {"
MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")
LOOPBACK = {"allow": ["127.0.0.0/8", "::1/128"]}

MakeIngest = Callable[..., IngestService]
StartNginx = Callable[..., Any]


@pytest.fixture
def make_ingest(broker: RedisBroker, ffmpeg: str, tmp_path: Path) -> MakeIngest:
    """Builds a service; each one of a test has the same data folder and broker."""

    def make(**options: Any) -> IngestService:
        used = options.pop("broker", broker)
        values = {"port": 0, "ffmpeg": ffmpeg, "egress": LOOPBACK, "drain_seconds": 5.0, **options}
        section = IngestOptions.model_validate(values)
        return IngestService(IngestSettings(data_dir=tmp_path / "data", ingest=section), used)

    return make


@pytest.fixture
async def stream_server() -> AsyncIterator[StreamServer]:
    """An HTTP server whose streams tests control."""
    async with StreamServer() as server:
        yield server


@pytest.fixture(scope="session")
def segment(ffmpeg: str) -> bytes:
    """Two seconds of a tone in MPEG-TS."""
    made = subprocess.run(
        [
            *(ffmpeg, "-nostdin", "-loglevel", "error", "-f", "lavfi"),
            *("-i", "sine=frequency=440:duration=2", "-c:a", "aac", "-f", "mpegts", "pipe:1"),
        ],
        check=True,
        capture_output=True,
    )
    return made.stdout


@pytest.fixture
async def encoder(ffmpeg: str) -> AsyncIterator[Callable[[str], Any]]:
    """Starts encoders that push to an RTMP URL in real time; ends them after the test."""
    started: list[Encoder] = []

    async def start(url: str, *, seconds: float = 60, video: bool = False) -> Encoder:
        made = await Encoder.start(ffmpeg, url, seconds, video=video)
        started.append(made)
        return made

    yield start
    for each in started:
        await each.stop()


@pytest.fixture
def rtmp_port(free_port: Callable[[], int]) -> int:
    """Port of nginx-rtmp in this test."""
    return free_port()


@pytest.fixture
async def nginx(rtmp_port: int, tmp_path: Path) -> AsyncIterator[StartNginx]:
    """Starts nginx-rtmp from the project's template, asking the given ingest.

    `more` are further applications, which ask nobody.
    """
    binary = require_tool("nginx")
    require_path(MODULE, "nginx's RTMP module (Debian: libnginx-mod-rtmp)")
    processes: list[asyncio.subprocess.Process] = []

    async def start(ingest_url: str, more: str = "") -> Path:
        log, config = tmp_path / "nginx.log", tmp_path / "nginx.conf"
        values = {
            "NGINX_RTMP_MODULE": str(MODULE),
            "NGINX_PID": str(tmp_path / "nginx.pid"),
            "NGINX_ERROR_LOG": str(log),
            "RTMP_LISTEN": f"127.0.0.1:{rtmp_port}",
            "INGEST_URL": ingest_url,
        }
        text = Template(TEMPLATE.read_text()).safe_substitute(values)
        config.write_text(text.replace(FIRST_APPLICATION, f"{more}\n{FIRST_APPLICATION}"))
        process = await asyncio.create_subprocess_exec(
            binary, "-e", str(log), "-p", str(tmp_path), "-c", str(config)
        )
        processes.append(process)
        await wait_until(lambda: accepts(rtmp_port))
        return log

    yield start
    for process in processes:
        if process.returncode is None:
            process.terminate()
        await process.wait()
