"""What the tests of the socket ways in share: sources, their state, and what came of the audio."""

import wave
from pathlib import Path
from typing import Any

import numpy as np

from tests.integration.ingest.streams import Reader
from tonewatch.shared.http import AsyncClient
from tonewatch.shared.messages import SessionEvent, SessionState, Speaker
from tonewatch.shared.streams import FRAMES, Stream

SPLIT = "left=customer,right=agent"


async def add(
    client: AsyncClient, kind: str = "websocket", *, base: str = "", **fields: Any
) -> dict[str, Any]:
    """A new source, with its key."""
    answer = await client.post(f"{base}/v1/sources", json={"name": "line", "kind": kind, **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def shown(client: AsyncClient, source_id: str) -> dict[str, Any]:
    """A source as the API shows it now."""
    found: dict[str, Any] = (await client.get(f"/v1/sources/{source_id}")).json()
    return found


async def is_idle(client: AsyncClient, source_id: str) -> bool:
    """Whether nobody is connected."""
    return bool((await shown(client, source_id))["state"] == "idle")


async def has_open(client: AsyncClient, source_id: str, number: int) -> bool:
    """Whether the source has so many open sessions."""
    found = await shown(client, source_id)
    return bool(found["open_sessions"] == number and (found["state"] == "live") == (number > 0))


async def ended(reader: Reader, number: int = 1) -> list[SessionEvent]:
    """The ends of sessions, once there are so many; else nothing."""
    events = await reader.sessions(SessionState.ENDED)
    return events if len(events) >= number else []


async def has_frames(reader: Reader, least: int) -> bool:
    """Whether so many frames are there."""
    return len(await reader.frames()) >= least


async def tracks(
    reader: Reader, session_id: str | None = None, stream: Stream = FRAMES
) -> dict[Speaker, bytes]:
    """The PCM of each speaker, put together again by number."""
    found: dict[Speaker, dict[int, bytes]] = {}
    for _, message, fields in await reader.entries(stream):
        session, speaker = getattr(message, "session_id", ""), getattr(message, "speaker", None)
        if speaker is not None and session_id in (None, session):
            found.setdefault(speaker, {})[getattr(message, "seq", -1)] = fields["pcm"]
    return {
        speaker: b"".join(pieces[seq] for seq in sorted(pieces))
        for speaker, pieces in found.items()
    }


def file_pcm(path: Path) -> bytes:
    """The samples of an audio file."""
    with wave.open(str(path)) as file:
        pcm: bytes = file.readframes(file.getnframes())
    return pcm


def likeness(one: bytes, other: bytes) -> float:
    """Correlation of two tracks at the same times: 1 for the same signal in step."""
    signals = [np.frombuffer(pcm, dtype="<i2").astype(np.float64) for pcm in (one, other)]
    shared = min(map(len, signals))
    return float(np.corrcoef(signals[0][:shared], signals[1][:shared])[0, 1])
