"""How soon audio is there, how soon its loss is noticed, and what hundreds of streams cost.

Ingest as a process of its own behind a real nginx-rtmp, on one Redis:

- push: ffmpeg pushes; from its start to the first frame; killed with -9, until the source is not
  live any more; started again, until the first frame; stopped (SIGSTOP), until it is noticed;
- load: 10, 50 and 100 AAC streams in real time, pushed over RTMP, and as many pulled over HTTP
  through the guard; CPU of ingest against that of its ffmpeg children in the same seconds, memory
  for each source (its child included), and frames that came more than half a second later than the
  first of their session promised;
- upload: an hour of AAC through ingest, against ffmpeg alone decoding the same file.
"""

import asyncio
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from support import procfs, stack
from support.figures import arguments, report
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.messages import Frame
from tonewatch.shared.redis_client import RedisOptions, create_redis
from tonewatch.shared.streams import FRAMES, STREAMS

ROOT = Path(__file__).parents[1]
MODULE = "/usr/lib/nginx/modules/ngx_rtmp_module.so"
PARTITIONS = 16
LATE_SECONDS = 0.5
LIMIT_SECONDS = 60
SETTLES_SECONDS = 6.0
LOOPBACK = '{"allow": ["127.0.0.0/8"]}'

Figures = dict[str, float | None]


@dataclass
class Rig:
    """Ingest at work."""

    client: AsyncClient
    broker: RedisBroker
    pid: int

    async def frames(self) -> list[tuple[Frame, float]]:
        """All frames so far, and when Redis took each, in seconds."""
        start = dict.fromkeys(range(PARTITIONS), "0-0")
        rows = await self.broker.tail(FRAMES, start, count=100_000, block=None)
        found = [(decode(FRAMES, row.entry), row.entry.published_ms / 1000) for row in rows]
        return [(frame, at) for frame, at in found if isinstance(frame, Frame)]

    async def add(self, **fields: Any) -> dict[str, Any]:
        """A new source."""
        answer = await self.client.post("/v1/sources", json=fields)
        answer.raise_for_status()
        made: dict[str, Any] = answer.json()
        return made

    async def state(self, source_id: str) -> str:
        """What a source does."""
        return str((await self.client.get(f"/v1/sources/{source_id}")).json()["state"])

    async def sessions(self, source_id: str) -> set[str]:
        """The sessions of a source that have frames."""
        return {f.session_id for f, _ in await self.frames() if f.source_id == source_id}


@asynccontextmanager
async def ingest(folder: Path, redis_url: str, **settings: str) -> AsyncIterator[Rig]:
    """A fresh ingest on an empty Redis."""
    data = folder / f"data-{time.monotonic_ns()}"
    data.mkdir()
    client = create_redis(RedisOptions(url=redis_url), "bench")
    await client.flushall()
    broker = RedisBroker(client, partitions=PARTITIONS)
    await broker.setup(STREAMS)
    running = stack.service_process("ingest", data, redis_url, egress=LOOPBACK, **settings)
    async with running as (url, process), create_client(base_url=url) as http:
        yield Rig(http, broker, process.pid)
    await broker.close()


@contextmanager
def nginx(folder: Path, port: int, ingest_url: str) -> Iterator[None]:
    """nginx-rtmp with the project's configuration."""
    values = {
        "NGINX_RTMP_MODULE": MODULE,
        "NGINX_PID": str(folder / "nginx.pid"),
        "NGINX_ERROR_LOG": str(folder / "nginx.log"),
        "RTMP_LISTEN": f"127.0.0.1:{port}",
        "INGEST_URL": ingest_url,
    }
    template = (ROOT / "deploy/rtmp/nginx.conf.template").read_text()
    config = folder / "nginx.conf"
    config.write_text(Template(template).safe_substitute(values))
    command = ["nginx", "-e", str(folder / "nginx.log"), "-p", f"{folder}/", "-c", str(config)]
    with stack.process(command, folder / "nginx.out"):
        yield


def encoder(url: str) -> "subprocess.Popen[bytes]":
    """An ffmpeg that pushes a tone in real time for two minutes at most."""
    return subprocess.Popen(
        ["ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-f", "lavfi",
         "-i", "sine=frequency=440:sample_rate=44100", "-t", "120", "-c:a", "aac",
         "-f", "flv", url],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


async def until(check: Any, what: str) -> float:
    """How long until the check, a coroutine function, answers yes."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            while not await check():  # noqa: ASYNC110 - another process's work
                await asyncio.sleep(0.02)
    except TimeoutError as error:
        raise RuntimeError(f"not within {LIMIT_SECONDS} s: {what}") from error
    return time.monotonic() - began


@asynccontextmanager
async def pushed(folder: Path, redis_url: str, **settings: str) -> AsyncIterator[Rig]:
    """Ingest behind nginx-rtmp."""
    port = stack.free_port()
    live = f"rtmp://127.0.0.1:{port}/live"
    running = ingest(folder, redis_url, rtmp_play_base=live, rtmp_publish_base=live, **settings)
    async with running as rig:
        with nginx(folder, port, str(rig.client.base_url).rstrip("/")):
            yield rig


async def times(folder: Path, redis_url: str) -> Figures:
    """The times of a pushed stream."""
    async with pushed(folder, redis_url) as rig:
        source = await rig.add(name="bench", kind="rtmp")
        source_id, url = source["id"], source["publish_url"]

        async def sessions_are(count: int) -> bool:
            return len(await rig.sessions(source_id)) >= count

        async def is_live(*, wanted: bool = True) -> bool:
            return (await rig.state(source_id) == "live") is wanted

        first = encoder(url)
        found: Figures = {"first_frame_s": await until(lambda: sessions_are(1), "first frame")}
        await asyncio.sleep(2)
        first.send_signal(signal.SIGKILL)
        found["dead_noticed_s"] = await until(lambda: is_live(wanted=False), "dead")
        first.wait()
        second = encoder(url)
        found["recovered_s"] = await until(lambda: sessions_are(2), "recovered")
        await until(is_live, "live again")
        second.send_signal(signal.SIGSTOP)
        found["stall_noticed_s"] = await until(lambda: is_live(wanted=False), "stalled")
        second.kill()
        second.wait()
        return found


@contextmanager
def radio(folder: Path) -> Iterator[str]:
    """A station with an hour's worth of patience; its URL."""
    file = folder / "radio.aac"
    recording(file, 20)
    script = Path(__file__).parent / "support" / "radio.py"
    station = subprocess.Popen(
        [sys.executable, str(script), str(file), "20"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    if station.stdin is None or station.stdout is None:
        raise RuntimeError("the station has no pipes")
    try:
        yield f"http://127.0.0.1:{int(station.stdout.readline())}/live"
    finally:
        station.stdin.close()
        station.wait(timeout=10)


async def pull(folder: Path, redis_url: str, url: str, sources: int, seconds: float) -> Figures:
    """What so many streams cost that ingest fetches over HTTP."""
    async with ingest(folder, redis_url) as rig:
        before_mb = procfs.memory_mb(rig.pid)
        for number in range(sources):
            await rig.add(name=f"station {number}", url=url)
        return await cost(rig, sources, seconds, before_mb)


async def push(folder: Path, redis_url: str, sources: int, seconds: float) -> Figures:
    """What so many streams cost that encoders push."""
    file = folder / "push.flv"
    await asyncio.to_thread(recording, file, 20)
    async with pushed(folder, redis_url) as rig:
        before_mb = procfs.memory_mb(rig.pid)
        urls = [
            (await rig.add(name=f"line {number}", kind="rtmp"))["publish_url"]
            for number in range(sources)
        ]
        encoders = [repeater(file, url) for url in urls]
        try:
            return await cost(rig, sources, seconds, before_mb)
        finally:
            for each in encoders:
                each.kill()
                each.wait()


def repeater(file: Path, url: str) -> "subprocess.Popen[bytes]":
    """An ffmpeg that pushes a recording as it is, over and over, for five minutes at most."""
    return subprocess.Popen(
        ["ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", str(file),
         "-t", "300", "-c", "copy", "-f", "flv", url],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


async def cost(rig: Rig, sources: int, seconds: float, before_mb: float) -> Figures:
    """CPU and memory once all sources are heard."""

    async def all_live() -> bool:
        await asyncio.sleep(0.5)  # to be asked is work as well
        items = (await rig.client.get("/v1/sources?limit=500")).json()["items"]
        return [item["state"] for item in items].count("live") == sources

    await until(all_live, f"{sources} streams")
    await asyncio.sleep(SETTLES_SECONDS)
    began, ours = time.time(), procfs.cpu_seconds(rig.pid)
    theirs = {pid: procfs.cpu_seconds(pid) for pid in procfs.children(rig.pid)}
    await asyncio.sleep(seconds)
    ours = procfs.cpu_seconds(rig.pid) - ours
    spent = sum(procfs.cpu_seconds(pid) - before for pid, before in theirs.items())
    child_mb = statistics.mean(procfs.memory_mb(pid) for pid in theirs)
    own_mb = (procfs.memory_mb(rig.pid) - before_mb) / sources
    frames = [(frame, at) for frame, at in await rig.frames() if at >= began]
    return {
        "cpu_share_of_ffmpeg": ours / spent,
        "cpu_percent": 100 * ours / seconds,
        "mb_per_source": own_mb + child_mb,
        "frames": float(len(frames)),
        "late_frames": float(_late(frames)),
    }


def _late(frames: list[tuple[Frame, float]]) -> int:
    """Frames that came later than the most punctual one of their session promised."""
    starts: dict[str, float] = {}
    for frame, at in frames:
        starts[frame.session_id] = min(starts.get(frame.session_id, at), at - frame.seq)
    return sum(at - frame.seq - starts[frame.session_id] > LATE_SECONDS for frame, at in frames)


NOISE = ("-f", "lavfi", "-i", "anoisesrc=color=pink:sample_rate=44100:amplitude=0.2")
QUIETLY = ("ffmpeg", "-nostdin", "-loglevel", "error", "-y")


def recording(file: Path, seconds: float) -> None:
    """Pink noise as AAC."""
    command = [*QUIETLY, *NOISE, "-t", str(seconds), "-c:a", "aac", "-b:a", "64k", str(file)]
    subprocess.run(command, check=True)


def decoding_seconds(file: Path) -> float:
    """How long bare ffmpeg takes for a recording."""
    began = time.monotonic()
    to_pcm = ("-ac", "1", "-ar", "16000", "-f", "s16le", "/dev/null")
    subprocess.run([*QUIETLY, "-i", str(file), *to_pcm], check=True)
    return time.monotonic() - began


async def upload(folder: Path, redis_url: str, minutes: float) -> Figures:
    """A long recording, against bare ffmpeg."""
    file = folder / "hour.m4a"
    await asyncio.to_thread(recording, file, 60 * minutes)
    bare = await asyncio.to_thread(decoding_seconds, file)
    scorer = stack.service("inference", folder, redis_url, engine="fake")
    async with ingest(folder, redis_url) as rig, scorer:
        before_mb, most_mb = procfs.memory_mb(rig.pid), 0.0
        began = time.monotonic()
        body = await asyncio.to_thread(file.read_bytes)
        answer = await rig.client.post(
            "/v1/audio", files={"file": ("hour.m4a", body)}, timeout=LIMIT_SECONDS
        )
        answer.raise_for_status()
        session_id = answer.json()["session_id"]

        async def done() -> bool:
            nonlocal most_mb
            most_mb = max(most_mb, procfs.memory_mb(rig.pid))
            view = (await rig.client.get(f"/v1/audio/{session_id}")).json()
            return bool(view["state"] != "publishing")

        await until(done, "the upload")
        ours = time.monotonic() - began
    return {"upload_ratio": bare / ours, "upload_s": ours, "upload_mb": most_mb - before_mb}


def has_nginx() -> bool:
    """Whether streams can be pushed on this machine."""
    return shutil.which("nginx") is not None and Path(MODULE).exists()


async def main() -> None:
    """Measure and print."""
    options = arguments(__doc__ or "")
    counts = (10,) if options.quick else (10, 50, 100)
    seconds = 8.0 if options.quick else 30.0
    figures: Figures = {}
    loads: dict[str, Figures] = {}
    with stack.scratch() as folder, stack.redis(folder) as redis_url:
        with radio(folder) as url:
            for count in counts:
                loads[f"{count} pulled"] = await pull(folder, redis_url, url, count, seconds)
        if has_nginx():
            figures |= await times(folder, redis_url)
            for count in counts:
                loads[f"{count} pushed"] = await push(folder, redis_url, count, seconds)
        figures |= await upload(folder, redis_url, 5 if options.quick else 60)
    figures |= list(loads.values())[-1]
    rows = [(name, "not measured" if v is None else f"{v:.2f}") for name, v in figures.items()]
    for name, found in loads.items():
        rows.append((name, ", ".join(f"{key} {value:.2f}" for key, value in found.items())))
    report(rows, figures, options.json)


if __name__ == "__main__":
    asyncio.run(main())
