"""Clips around alerts: cut from the stream, kept as asked for, removed in time."""

import io
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from cryptography.fernet import Fernet
from obstore.store import MemoryStore, S3Store
from pydantic import SecretStr
from sqlalchemy import delete, func, insert, select

from tests.integration.storage.conftest import MakeService
from tests.support.messages import START, make_alert, make_frame, make_session
from tests.support.running import running
from tests.support.stored import items
from tests.support.wait import wait_until
from tonewatch.shared.broker import Broker, MemoryBroker, Outgoing, RedisBroker
from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import (
    ConfigurationError,
    ConflictError,
    NotFoundError,
    UnavailableError,
)
from tonewatch.shared.http import ASGITransport, AsyncClient, create_client
from tonewatch.shared.messages import AlertState, AlertSubject, Lane, Speaker
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.runtime import build_app
from tonewatch.shared.streams import ALERTS, FRAMES, UPLOADS, partition_of
from tonewatch.storage.database import Database
from tonewatch.storage.evidence import (
    Bucket,
    Cipher,
    Clips,
    EvidenceOptions,
    Folder,
    Recorder,
    place_of,
)
from tonewatch.storage.evidence._policy import wants_clip
from tonewatch.storage.models import EvidenceClip, LegalHold, Session
from tonewatch.storage.service import StorageService
from tonewatch.storage.settings import StorageOptions, StorageSettings
from tonewatch.storage.store import Store

ASKED = {"evidence": "true"}
KEY = Fernet.generate_key().decode()
LATER = timedelta(hours=1)


def pcm(seq: int) -> bytes:
    """A second that can be told from any other."""
    return np.full(16_000, 100 + seq, "<i2").tobytes()


async def publish(
    broker: Broker, seqs: range, *, stream: Any = FRAMES, louder: int = 0, **changes: Any
) -> None:
    """Frames of call-1, or of what is named instead."""
    lane = Lane.UPLOAD if stream is UPLOADS else Lane.LIVE
    frames = [make_frame(seq, lane=lane, **changes) for seq in seqs]
    await broker.publish(
        [Outgoing(stream, frame, {"pcm": pcm(frame.seq + louder)}) for frame in frames]
    )


def neighbour(partitions: int) -> str:
    """A call in the partition of call-1, whose name holds that of call-1."""
    wanted = partition_of("call-1:mixed", partitions)
    names = (f"call-1{n}" for n in range(1000))
    return next(name for name in names if partition_of(f"{name}:mixed", partitions) == wanted)


class Cut:
    """A recorder over an empty database, whose clock has gone on."""

    def __init__(self, database: Database, broker: Broker, place: Any, **options: Any) -> None:
        self.broker = broker
        self.options = EvidenceOptions(**({"before_seconds": 3, "after_seconds": 2} | options))
        self.metrics = Metrics()
        self.clips = Clips(database, place, Cipher(self.options.keys), retention=timedelta(days=30))
        self.recorder = Recorder(
            broker, self.clips, self.metrics, self.options, clock=lambda: utc_now() + LATER
        )

    async def alert(self, **changes: Any) -> None:
        """An alert fires, and all that is waited for has come."""
        values: dict[str, Any] = {
            "labels": ASKED,
            "first_seq": 10,
            "last_seq": 12,
            "started_at": START,
        } | changes
        await self.broker.publish([Outgoing(ALERTS, make_alert(**values))])
        await self.recorder._begin()
        await self.recorder._follow(None)
        await self.recorder._keep_due(utc_now() + LATER)


@pytest.fixture
def cut(sqlite: Database, memory_broker: MemoryBroker, tmp_path: Path) -> Cut:
    return Cut(sqlite, memory_broker, Folder(tmp_path / "clips"))


def seconds_of(flac: bytes) -> list[int]:
    """Which seconds a clip holds; 0 for one that was lost."""
    samples, rate = soundfile.read(io.BytesIO(flac), dtype="int16")
    assert rate == 16_000
    assert len(samples) % rate == 0
    return [int(value) - 100 if value else 0 for value in samples[::rate]]


@pytest.mark.parametrize("stream", [FRAMES, UPLOADS], ids=["live", "upload"])
async def test_the_seconds_around_an_alert_are_kept(
    stream: Any, cut: Cut, broker: Broker, tmp_path: Path
) -> None:
    cut.recorder._broker = cut.broker = broker  # a real Redis
    other = neighbour(broker.partitions)
    await publish(broker, range(40), stream=stream, session_id=other, louder=500)
    await publish(broker, range(40), stream=stream)
    await cut.alert()
    assert seconds_of(await cut.clips.read("alert-1")) == list(range(7, 15))
    row = await cut.clips.find("alert-1")
    assert row is not None
    assert (row.state, row.first_seq, row.last_seq, row.seconds) == ("kept", 7, 14, 8.0)
    assert row.started_at == START + timedelta(seconds=7)
    (file,) = (tmp_path / "clips").rglob("*.*")
    assert (file.suffix, file.stat().st_size) == (".flac", row.size_bytes)


async def test_a_clip_near_the_ends_of_a_call_is_as_long_as_there_is_audio(cut: Cut) -> None:
    await publish(cut.broker, range(4))
    await publish(cut.broker, range(6, 9))
    await cut.alert(first_seq=2, last_seq=7)
    assert seconds_of(await cut.clips.read("alert-1")) == [0, 1, 2, 3, -0, 0, 6, 7, 8]
    row = await cut.clips.find("alert-1")
    assert row is not None
    assert row.detail == "2 s are silent: they were lost"


async def test_an_alert_whose_audio_is_gone_says_so(cut: Cut) -> None:
    await cut.alert()
    with pytest.raises(NotFoundError, match="not on the stream any more"):
        await cut.clips.read("alert-1")


async def test_an_alert_that_comes_again_is_not_cut_again(cut: Cut, tmp_path: Path) -> None:
    await publish(cut.broker, range(20))
    await cut.alert()
    (file,) = (tmp_path / "clips").rglob("*.flac")
    before = file.stat().st_mtime_ns
    await cut.alert()
    assert file.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("labels", "speaker", "options", "wanted"),
    [
        ({}, "customer", {}, False),
        ({"evidence": "true"}, "agent", {}, True),
        ({"evidence": "false"}, "agent", {}, False),
        ({"evidence": "customer"}, "customer", {}, True),
        ({"evidence": "customer"}, "agent", {}, False),
        ({"evidence": "customer, agent"}, "agent", {}, True),
        ({}, "agent", {"sources": "all"}, True),
        ({"evidence": "true"}, "agent", {"sources": "none"}, False),
        ({"evidence": "true"}, "agent", {"speakers": ["customer"]}, False),
    ],
)
def test_a_voice_is_kept_only_where_it_was_asked_for(
    labels: dict[str, str], speaker: str, options: dict[str, Any], wanted: bool
) -> None:
    alert = make_alert(labels=labels, speaker=Speaker(speaker))
    assert wants_clip(alert, EvidenceOptions(**options)) is wanted


def test_a_resolved_alert_and_one_about_a_stream_get_no_clip() -> None:
    everything = EvidenceOptions(sources="all")
    assert not wants_clip(make_alert(AlertState.RESOLVED), everything)
    assert not wants_clip(make_alert(subject=AlertSubject.STREAM), everything)


async def test_with_a_key_nothing_readable_lies_on_the_disk(
    sqlite: Database, memory_broker: MemoryBroker, tmp_path: Path
) -> None:
    folder = tmp_path / "clips"
    cut = Cut(sqlite, memory_broker, Folder(folder), keys=SecretStr(KEY))
    await publish(memory_broker, range(20))
    await cut.alert()
    (file,) = folder.rglob("*.flac")
    assert b"fLaC" not in file.read_bytes()
    assert seconds_of(await cut.clips.read("alert-1")) == list(range(7, 15))
    newer = SecretStr(f"{Fernet.generate_key().decode()} {KEY}")
    changed = Clips(sqlite, Folder(folder), Cipher(newer), retention=LATER)
    assert seconds_of(await changed.read("alert-1")) == list(range(7, 15))
    other = SecretStr(Fernet.generate_key().decode())
    for keys, reason in ((None, "keys is not set"), (other, "keys that are set")):
        lost = Clips(sqlite, Folder(folder), Cipher(keys), retention=LATER)
        with pytest.raises(ConflictError, match=reason):
            await lost.read("alert-1")


def test_a_key_that_is_none_is_refused_with_the_way_to_one() -> None:
    with pytest.raises(ConfigurationError, match="generate_key"):
        Cipher(SecretStr("secret"))


async def test_clips_lie_in_a_bucket_just_as_well(
    sqlite: Database, memory_broker: MemoryBroker
) -> None:
    cut = Cut(sqlite, memory_broker, Bucket(MemoryStore()))
    await publish(memory_broker, range(20))
    await cut.alert()
    assert seconds_of(await cut.clips.read("alert-1")) == list(range(7, 15))
    assert await cut.clips.remove(["call-1"]) == 1
    await cut.clips._place.remove("not/there")
    with pytest.raises(NotFoundError):
        await cut.clips.read("alert-1")


async def test_a_full_disk_keeps_no_clip_and_stops_nothing(cut: Cut) -> None:
    cut.recorder._may_write = lambda: False
    await publish(cut.broker, range(20))
    await cut.alert()
    assert await cut.clips.find("alert-1") is None
    cut.recorder._may_write = lambda: True
    await cut.alert(alert_id="alert-2")
    assert await cut.clips.find("alert-2") is not None


async def test_clips_go_with_their_time_and_their_session(
    cut: Cut, sqlite: Database, tmp_path: Path
) -> None:
    await Store(sqlite).write(
        items([make_session(session_id=f"call-{n}", labels={"case": str(n)}) for n in range(1, 5)])
    )
    for n in range(1, 5):
        await publish(cut.broker, range(20), session_id=f"call-{n}")
        await cut.alert(session_id=f"call-{n}", alert_id=f"alert-{n}")
    hold: dict[str, Any] = {"reason": "law", "placed_by": "b", "placed_at": START}
    async with sqlite.write() as connection:
        await connection.execute(insert(LegalHold).values(hold_id="1", session_id="call-1", **hold))
        await connection.execute(
            insert(LegalHold).values(hold_id="2", label_name="case", label_value="2", **hold)
        )
        await connection.execute(
            insert(LegalHold).values(
                hold_id="3", session_id="call-3", released_by="b", released_at=START, **hold
            )
        )
        await connection.execute(delete(Session).where(Session.session_id == "call-4"))
    now = utc_now()
    assert await cut.clips.sweep(now) == 0
    assert await cut.clips.sweep(now + timedelta(hours=2)) == 1  # its session is gone
    assert await cut.clips.find("alert-4") is None
    assert await cut.clips.sweep(now + timedelta(days=31)) == 1  # its time is over
    assert await cut.clips.find("alert-3") is None
    assert await cut.clips.remove(["call-1", "call-2", "call-9"]) == 2
    assert list((tmp_path / "clips").rglob("*")) == []
    async with sqlite.read() as session:
        assert await session.scalar(select(func.count()).select_from(EvidenceClip)) == 0


@pytest.fixture
async def player(
    cut: Cut, sqlite: Database, sqlite_path: Path, tmp_path: Path
) -> AsyncIterator[AsyncClient]:
    await publish(cut.broker, range(20))
    await cut.alert()
    await Store(sqlite).write(items([make_alert(), make_alert(alert_id="silent")]))
    settings = StorageSettings(data_dir=tmp_path, storage=StorageOptions(port=0))
    service = StorageService(settings, MemoryBroker())
    transport = ASGITransport(build_app(service))
    async with AsyncClient(transport=transport, base_url="http://storage") as made:
        yield made
    await service.close()


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-3", 206, slice(0, 4)),
        ("bytes=10-", 206, slice(10, None)),
        ("bytes=-5", 206, slice(-5, None)),
        ("bytes=0-999999999", 206, slice(0, None)),
        ("bytes=999999999-", 416, slice(0, 0)),
        ("bytes=5-4", 416, slice(0, 0)),
        ("bytes=-0", 416, slice(0, 0)),
        ("bytes=0-1,3-4", 200, slice(None)),
        ("seconds=1-2", 200, slice(None)),
        ("bytes=-", 200, slice(None)),
    ],
)
async def test_a_player_may_ask_for_a_part(
    asked: str, status: int, part: slice, player: AsyncClient
) -> None:
    whole = await player.get("/v1/alerts/alert-1/clip")
    assert (whole.status_code, whole.headers["content-type"]) == (200, "audio/flac")
    assert whole.content.startswith(b"fLaC")
    answer = await player.get("/v1/alerts/alert-1/clip", headers={"Range": asked})
    assert answer.status_code == status
    assert answer.content == whole.content[part]


async def test_an_alert_tells_of_its_clip(player: AsyncClient) -> None:
    clip = (await player.get("/v1/alerts/alert-1")).json()["clip"]
    assert (clip["state"], clip["seconds"], clip["encrypted"]) == ("kept", 8.0, False)
    assert (await player.get("/v1/alerts/silent")).json()["clip"] is None
    for alert, reason in (("silent", "none was asked for"), ("nobody", "no alert nobody")):
        answer = await player.get(f"/v1/alerts/{alert}/clip")
        assert answer.status_code == 404
        assert reason in answer.json()["detail"]


async def test_a_service_at_work_keeps_clips_and_leaves_the_frames_to_others(
    broker: RedisBroker, make_service: MakeService, tmp_path: Path
) -> None:
    service = make_service(evidence=EvidenceOptions(before_seconds=2, after_seconds=0))
    await broker.setup([FRAMES, ALERTS])
    await publish(broker, range(8), labels=ASKED)
    before = await broker.group_states(FRAMES)
    async with running(service) as base, create_client(base_url=base) as client:
        alert = make_alert(labels=ASKED, first_seq=5, last_seq=6, started_at=utc_now())
        await broker.publish([Outgoing(ALERTS, alert)])

        async def kept() -> bool:
            return (await client.get("/v1/alerts/alert-1/clip")).status_code == 200

        await wait_until(kept)
        clip = await client.get("/v1/alerts/alert-1/clip")
        metrics = (await client.get("/metrics")).text
    assert seconds_of(clip.content) == [3, 4, 5, 6]
    assert await broker.group_states(FRAMES) == before
    assert 'tonewatch_evidence_clips_total{outcome="kept"} 1.0' in metrics


def test_the_place_of_clips_is_named_by_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(place_of(None, tmp_path), Folder)
    assert isinstance(place_of("s3://calls/evidence", tmp_path), Bucket)
    with pytest.raises(ConfigurationError, match=r"storage\.evidence\.bucket"):
        place_of("nowhere", tmp_path)
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(ConfigurationError, match=r"tonewatch-storage\[s3\]"):
        place_of("s3://calls/evidence", tmp_path)


async def test_a_bucket_that_does_not_answer_is_named(tmp_path: Path) -> None:
    options = {"endpoint": "http://127.0.0.1:9", "skip_signature": True, "region": "none"}
    store = S3Store(
        "calls",
        config=options,  # type: ignore[arg-type]
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    with pytest.raises(UnavailableError, match="the bucket of clips"):
        await Bucket(store).put("a.flac", b"fLaC")
