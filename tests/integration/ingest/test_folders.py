"""Folders that a PBX drops recordings into: each file is taken in once, and a bad one says why."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ingest.conftest import MakeIngest
from tests.integration.ingest.streams import Reader, wav
from tests.support.audio import speech_like_pcm
from tests.support.running import running
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.messages import SessionState
from tonewatch.shared.streams import UPLOADS

QUICK = {"folder_poll_seconds": 0.02, "folder_settle_seconds": 0.05}


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """The watched folder."""
    path = tmp_path / "calls"
    path.mkdir()
    return path


def watching(path: Path, **folder: Any) -> Mapping[str, Any]:
    """Ingest's options."""
    return {**QUICK, "watched_folders": [{"path": str(path), **folder}]}


async def uploads(client: AsyncClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await client.get("/v1/audio")).json()["items"]
    return items


async def over(client: AsyncClient, count: int) -> bool:
    """Whether so many recordings have been taken in, or refused."""
    states = [item["state"] for item in await uploads(client)]
    return len([state for state in states if state != "publishing"]) == count


async def test_a_dropped_file_is_taken_in_with_its_labels_and_moved(
    make_ingest: MakeIngest, broker: RedisBroker, calls: Path
) -> None:
    done = calls / "done"
    done.mkdir()
    (done / "sales-1042.wav").write_bytes(b"an earlier one")
    options = watching(
        calls,
        names=["*.wav"],
        labels={"site": "north"},
        label_pattern=r"^(?P<queue>\w+)-(?P<agent_id>\d+)",
        after="move",
        move_to="done",
    )
    async with running(make_ingest(**options)) as base, create_client(base_url=base) as client:
        (calls / "sales-1042.wav").write_bytes(wav(speech_like_pcm(2)))
        (calls / "notes.txt").write_text("no recording")
        await wait_until(lambda: over(client, 1))
        await wait_until(lambda: not (calls / "sales-1042.wav").exists())
        (item,) = await uploads(client)
        metrics = (await client.get("/metrics")).text
    frames = await Reader(broker).frames(stream=UPLOADS)
    assert (item["name"], item["state"]) == ("sales-1042.wav", "published")
    assert frames[0].labels == {"site": "north", "queue": "sales", "agent_id": "1042"}
    assert (done / "sales-1042.wav").read_bytes() == b"an earlier one"
    assert (done / f"sales-1042-{item['session_id']}.wav").exists()
    assert (calls / "notes.txt").exists()
    assert 'tonewatch_folder_files_total{outcome="taken"} 1.0' in metrics


async def test_a_restart_takes_nothing_twice_but_what_changed(
    make_ingest: MakeIngest, broker: RedisBroker, calls: Path
) -> None:
    (calls / "a.wav").write_bytes(wav(speech_like_pcm(1)))
    (calls / "bad.wav").write_bytes(b"this is no audio" * 100)
    options = watching(calls)
    async with running(make_ingest(**options)) as base, create_client(base_url=base) as client:
        await wait_until(lambda: over(client, 2))
    (calls / "b.wav").write_bytes(wav(speech_like_pcm(1)))
    async with running(make_ingest(**options)) as base, create_client(base_url=base) as client:
        await wait_until(lambda: over(client, 3))
        os.utime(calls / "a.wav", ns=(1, 1))
        await wait_until(lambda: over(client, 4))
        names = [item["name"] for item in await uploads(client)]
    assert names[:2] == ["a.wav", "b.wav"]
    assert sorted(names[2:]) == ["a.wav", "bad.wav"]
    assert len(await Reader(broker).sessions(SessionState.STARTED)) == 3


async def test_a_bad_file_is_noted_once_and_the_others_go_on(
    make_ingest: MakeIngest, calls: Path
) -> None:
    (calls / "1-empty.wav").write_bytes(b"")
    (calls / "2-text.wav").write_bytes(b"this is no audio" * 100)
    options = watching(calls, after="delete")
    async with running(make_ingest(**options)) as base, create_client(base_url=base) as client:
        await wait_until(lambda: over(client, 2))
        (calls / "3-good.wav").write_bytes(wav(speech_like_pcm(1)))
        await wait_until(lambda: over(client, 3))
        await wait_until(lambda: not (calls / "3-good.wav").exists())
        found = {item["name"]: item for item in await uploads(client)}
        metrics = (await client.get("/metrics")).text
    assert found["3-good.wav"]["state"] == "published"
    for name in ("1-empty.wav", "2-text.wav"):
        assert found[name]["state"] == "failed"
        assert "no audio" in found[name]["error"]
        assert (calls / name).exists()
    assert 'tonewatch_folder_files_total{outcome="refused"} 2.0' in metrics


async def test_more_files_than_places_wait_for_their_turn(
    make_ingest: MakeIngest, broker: RedisBroker, calls: Path
) -> None:
    """Nobody scores, so a long recording keeps its place; one stays free for uploads by hand."""
    for number in range(3):
        (calls / f"{number}.wav").write_bytes(wav(bytes(32_000 * 300)))
    options = watching(calls)
    service = make_ingest(max_uploads=2, **options)
    async with running(service) as base, create_client(base_url=base) as client:
        await wait_until(lambda: Reader(broker).frames(stream=UPLOADS))
        by_hand = await client.post("/v1/audio", files={"file": ("x.wav", wav(bytes(32_000)))})
        assert by_hand.status_code == 202
        first = [i for i in await uploads(client) if i["name"] != "x.wav"]
        assert len(first) == 1
        await client.delete(f"/v1/audio/{first[0]['session_id']}")

        async def next_is_there() -> bool:
            return len([i for i in await uploads(client) if i["name"] != "x.wav"]) == 2

        await wait_until(next_is_there)


async def test_a_folder_that_is_not_there_is_waited_for(
    make_ingest: MakeIngest, calls: Path
) -> None:
    later = calls / "mounted"
    options = watching(later)
    async with running(make_ingest(**options)) as base, create_client(base_url=base) as client:
        later.mkdir()
        (later / "a.wav").write_bytes(wav(speech_like_pcm(1)))
        await wait_until(lambda: over(client, 1))
        assert (await client.get("/ready")).status_code == 200
