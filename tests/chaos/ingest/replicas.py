"""Two ingest processes that share one registry, and the sources they pull."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.chaos.ingest.conftest import Victim
from tests.integration.ingest.streams import Reader, StreamServer
from tests.support.audio import speech_like_pcm
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.messages import SessionEvent
from tonewatch.shared.streams import SESSIONS

AUDIO_SECONDS = 300
PATH = "/live"


class Replicas:
    """The processes, by number, and what they published."""

    def __init__(self, victims: list[Victim], server: StreamServer, reader: Reader) -> None:
        self.victims = victims
        self.reader = reader
        self._server = server

    async def add_sources(self, count: int) -> list[str]:
        """Add sources through the first replica."""
        async with self.victims[0].client() as client:
            answers = [
                await client.post(
                    "/v1/sources", json={"name": f"line {n}", "url": self._server.url(PATH)}
                )
                for n in range(count)
            ]
        return [str(answer.json()["id"]) for answer in answers]

    async def add_pushed(self, asked: Victim, name: str) -> dict[str, Any]:
        """An RTMP source that the replica of this name runs; whose it is, its id decides."""
        while True:
            async with asked.client() as client:
                new = {"name": "studio", "kind": "rtmp"}
                made: dict[str, Any] = (await client.post("/v1/sources", json=new)).json()
            await wait_until(partial(self._is_taken, asked, made["id"]))
            if (await self.shown(asked))[made["id"]]["replica"] == name:
                return made

    async def is_live(self, victim: Victim, source_id: str) -> bool:
        """Whether a replica shows a source live, on whichever replica."""
        return bool((await self.shown(victim))[source_id]["state"] == "live")

    async def _is_taken(self, victim: Victim, source_id: str) -> bool:
        return (await self.shown(victim))[source_id]["replica"] is not None

    async def shown(self, victim: Victim) -> dict[str, dict[str, Any]]:
        """The sources as a replica shows them."""
        async with victim.client() as client:
            items = (await client.get("/v1/sources")).json()["items"]
        return {item["id"]: item for item in items if item["kind"] != "upload"}

    async def all_live(self, victim: Victim) -> bool:
        """Whether a replica shows all sources live, on whichever replica."""
        found = (await self.shown(victim)).values()
        return bool(found) and all(e["state"] == "live" and e["replica"] for e in found)

    async def name_of(self, victim: Victim) -> str:
        """How a replica calls itself."""
        async with victim.client() as client:
            checks = (await client.get("/ready")).json()["checks"]
        return str(checks["leases"]["detail"]).split()[0]

    async def names(self) -> set[str | None]:
        """Which replicas run sources, as the second one sees it."""
        return {e["replica"] for e in (await self.shown(self.victims[1])).values()}

    async def frames_by_source(self) -> dict[str, int]:
        """How many frames there are of each source."""
        counted: dict[str, int] = {}
        for frame in await self.reader.frames():
            counted[frame.source_id] = counted.get(frame.source_id, 0) + 1
        return counted

    async def frames_by_session(self) -> dict[str, int]:
        """How many frames there are of each session."""
        counted: dict[str, int] = {}
        for frame in await self.reader.frames():
            counted[frame.session_id] = counted.get(frame.session_id, 0) + 1
        return counted

    async def assert_single(self) -> None:
        """No session of a source was announced before the one before it was over."""
        events = [(i, m) for i, m, _ in await self.reader.entries(SESSIONS)]
        ordered = sorted(events, key=lambda each: tuple(map(int, each[0].split("-"))))
        open_now: dict[str, str] = {}
        for _, event in ordered:
            assert isinstance(event, SessionEvent)
            if event.state == "started":
                before = open_now.get(event.source_id)
                assert before is None, f"{event.session_id} began while {before} was open"
                open_now[event.source_id] = event.session_id
            elif open_now.get(event.source_id) == event.session_id:
                del open_now[event.source_id]

    async def stop(self) -> None:
        """Stop them in an orderly way."""
        for victim in self.victims:
            if victim.process is not None and victim.process.returncode is None:
                victim.process.terminate()
        for victim in self.victims:
            if victim.process is not None:
                await victim.process.wait()


@asynccontextmanager
async def two_replicas(
    redis_url: str,
    broker: RedisBroker,
    free_port: Callable[[], int],
    folder: Path,
    ffmpeg: str,
    **more: str,
) -> AsyncIterator[Replicas]:
    """Two replicas, not started yet, on one SQLite file, and a stream for them to pull."""
    reader = Reader(broker)
    victims = []
    for number in range(2):
        port = free_port()
        settings = {
            "TONEWATCH_REDIS__URL": redis_url,
            "TONEWATCH_PARTITIONS": str(broker.partitions),
            "TONEWATCH_DATA_DIR": str(folder / f"replica-{number}"),
            "TONEWATCH_INGEST__DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'shared.db'}",
            "TONEWATCH_INGEST__SHARED_SOURCES": "true",
            "TONEWATCH_INGEST__PORT": str(port),
            "TONEWATCH_INGEST__FFMPEG": ffmpeg,
            "TONEWATCH_INGEST__PULL_AHEAD_SECONDS": "1",
            "TONEWATCH_INGEST__EGRESS": '{"allow": ["127.0.0.0/8"]}',
            **more,
        }
        victims.append(Victim({**os.environ, **settings}, port, reader))
    async with StreamServer() as server:
        server.add_live(PATH, speech_like_pcm(AUDIO_SECONDS))
        made = Replicas(victims, server, reader)
        try:
            yield made
        finally:
            for victim in victims:
                if victim.process is not None:
                    await victim.kill()
