import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.audio import speech_like_pcm, write_wav
from tests.support.wait import wait_until
from tonewatch.shared.http import HTTPError, create_client
from tonewatch.suite.demo.audio import pipe_argv, push_argv
from tonewatch.suite.demo.publisher import Publisher
from tonewatch.suite.demo.relay import stream

SUITE = str(Path(sys.executable).with_name("tonewatch-suite"))


@pytest.fixture
def call(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "call.wav", speech_like_pcm(3))


def seconds_of(audio: bytes, ffmpeg: str) -> float:
    decode = [ffmpeg, "-v", "error", "-i", "pipe:0", "-f", "s16le", "-ac", "1", "-ar", "16000", "-"]
    pcm = subprocess.run(decode, input=audio, capture_output=True, check=True).stdout
    return len(pcm) / 32_000


async def test_a_pushed_call_arrives_whole(
    call: Path, ffmpeg: str, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    url, received = f"rtmp://127.0.0.1:{free_port()}/live/key", tmp_path / "received.flv"
    listener = await asyncio.create_subprocess_exec(
        ffmpeg, "-v", "error", "-listen", "1", "-i", url, "-c", "copy", str(received),
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told: list[str] = []
    publisher = Publisher(push_argv(ffmpeg, call, url, loop=False), told.append, pause_seconds=0.1)

    async def played() -> bool:
        """Not at once: the listener may not be there yet."""
        return await asyncio.to_thread(publisher.run, again=False) == 0

    await wait_until(played, interval_seconds=0.1)
    assert await asyncio.wait_for(listener.wait(), 10) == 0
    assert seconds_of(received.read_bytes(), ffmpeg) == pytest.approx(3, abs=0.3)


async def test_the_pipe_is_paced_and_repeats(call: Path, ffmpeg: str) -> None:
    clock = asyncio.get_running_loop().time
    started, got = clock(), b""
    chunks = stream(pipe_argv(ffmpeg, call))
    async for chunk in chunks:
        got += chunk
        if clock() - started > 4:
            break
    await chunks.aclose()  # type: ignore[attr-defined]
    assert 3.0 < seconds_of(got, ffmpeg) < 6.0


async def test_a_refused_publisher_tells_why_without_the_key(
    call: Path, ffmpeg: str, free_port: Callable[[], int]
) -> None:
    told: list[str] = []
    url = f"rtmp://127.0.0.1:{free_port()}/live/tw-secret-key"
    publisher = Publisher(push_argv(ffmpeg, call, url, loop=True), told.append, pause_seconds=0.05)
    running = asyncio.create_task(asyncio.to_thread(publisher.run, again=True))
    await wait_until(lambda: len(told) >= 2)
    publisher.stop()
    assert await asyncio.wait_for(running, 10) == 0
    assert "ffmpeg ended with" in told[0]
    assert "tw-secret-key" not in "".join(told)


async def test_the_relay_serves_listeners_until_it_is_told_to_stop(
    call: Path, ffmpeg: str, free_port: Callable[[], int]
) -> None:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        SUITE, "relay", "--audio", str(call), "--ffmpeg", ffmpeg, "--port", str(port),
    )  # fmt: skip
    async with create_client(base_url=f"http://127.0.0.1:{port}") as client:

        async def first_bytes() -> bytes:
            try:
                async with client.stream("GET", "/conversation.ts") as answer:
                    async for chunk in answer.aiter_bytes():
                        return chunk
            except HTTPError:  # it does not listen yet
                return b""
            return b""

        await wait_until(first_bytes, interval_seconds=0.1)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 10) in {0, -signal.SIGTERM}
