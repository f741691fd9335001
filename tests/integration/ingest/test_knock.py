"""A source that stays dead costs next to nothing, and is heard soon after its return."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.ingest.conftest import MakeIngest
from tests.integration.ingest.streams import Reader, StreamServer
from tests.support.audio import speech_like_pcm
from tests.support.running import running
from tests.support.wait import wait_until
from tonewatch.ingest.guard import Guard
from tonewatch.ingest.live.pull import KNOCK_AFTER_FAILURES
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import create_client

WRAPPER = """#!/bin/sh
case "$*" in *http_proxy*|*rw_timeout*) echo >> {starts} ;; esac
exec {ffmpeg} "$@"
"""


async def test_no_ffmpeg_is_started_for_a_source_that_does_not_answer(
    make_ingest: MakeIngest,
    broker: RedisBroker,
    ffmpeg: str,
    free_port: Callable[[], int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    starts, wrapper = tmp_path / "starts", tmp_path / "ffmpeg"
    starts.touch()
    wrapper.write_text(WRAPPER.format(starts=starts, ffmpeg=ffmpeg))
    wrapper.chmod(0o755)
    knocks: list[str] = []
    knock = Guard.knock

    async def counting(guard: Guard, url: str) -> None:
        knocks.append(url)
        await knock(guard, url)

    monkeypatch.setattr(Guard, "knock", counting)
    server, reader = StreamServer(port=free_port()), Reader(broker)
    url = f"http://127.0.0.1:{server.port}/back"

    async def heard() -> bool:
        return bool(await reader.frames())

    service = make_ingest(ffmpeg=str(wrapper), retry_max_seconds=0.02)
    async with running(service) as base, create_client(base_url=base) as client:
        await client.post("/v1/sources", json={"name": "dead", "url": url})
        await wait_until(lambda: len(knocks) >= 5)
        in_vain = len(starts.read_text().splitlines())
        server.add_live("/back", speech_like_pcm(3))
        async with server:
            await wait_until(heard)
            in_all = len(starts.read_text().splitlines())
    assert (in_vain, in_all) == (KNOCK_AFTER_FAILURES, KNOCK_AFTER_FAILURES + 1)
