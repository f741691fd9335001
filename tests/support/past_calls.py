"""A real storage service that has kept a few calls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tests.conftest import PARTITIONS
from tests.support.messages import START, make_score, make_session, posterior
from tests.support.running import running
from tests.support.wait import wait_until
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.http import create_client
from tonewatch.shared.messages import SessionState, Speaker
from tonewatch.shared.streams import SCORES, SESSIONS
from tonewatch.storage.service import StorageService
from tonewatch.storage.settings import StorageSettings

CALLS = 3
MOODS = ("neutral", "angry", "angry", "angry", "no_speech", "neutral", "angry")


@asynccontextmanager
async def past_calls(broker: RedisBroker, folder: Path) -> AsyncIterator[str]:
    """Storage with a few calls of one agent each at START, ten steps a second; its URL."""
    settings = StorageSettings(partitions=PARTITIONS, data_dir=folder, storage={"port": 0})
    async with running(StorageService(settings, broker)) as url:
        await broker.publish([message for call in range(CALLS) for message in _call(call)])
        async with create_client(base_url=url) as client:

            async def all_kept() -> bool:
                items = (await client.get("/v1/sessions")).json()["items"]
                return len(items) == CALLS and all(item["complete"] for item in items)

            await wait_until(all_kept, timeout_seconds=30)
        yield url


def _call(number: int) -> list[Outgoing]:
    common: dict[str, Any] = {
        "session_id": f"call-{number}",
        "labels": {"agent_id": str(number), "queue": "sales"},
    }
    event = {**common, "speakers": (Speaker.CUSTOMER,), "at": START}
    messages = [Outgoing(SESSIONS, make_session(**event))]
    for seq, mood in enumerate(MOODS):
        score = make_score(
            seq, mood, speaker=Speaker.CUSTOMER, final=seq == len(MOODS) - 1,
            steps=0 if mood == "no_speech" else 10, **common,
        )  # fmt: skip
        messages.append(Outgoing(SCORES, score, _blobs_of(mood)))
    ended = {**event, "state": SessionState.ENDED, "frames": len(MOODS)}
    return [*messages, Outgoing(SESSIONS, make_session(**ended))]


def _blobs_of(mood: str) -> dict[str, bytes]:
    if mood == "no_speech":
        return {}
    return {"steps": np.array([posterior(mood, 0.9)] * 10, dtype="<f4").tobytes()}
