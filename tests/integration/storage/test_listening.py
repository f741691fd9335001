"""Live calls are heard by whom the source allows, from now on, and it is written down."""

import asyncio
import io
import wave
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from tests.integration.storage.conftest import MakeService
from tests.support.asking import get
from tests.support.messages import make_frame, make_session
from tests.support.running import running
from tests.support.stored import items
from tests.support.wait import wait_until
from tonewatch.shared.broker import Broker, Outgoing, RedisBroker
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.messages import Lane, SessionState, Speaker, Track
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.streams import FRAMES
from tonewatch.storage.database import Database
from tonewatch.storage.listening import Listeners, ListeningOptions
from tonewatch.storage.listening._live import live_seconds, wav_head
from tonewatch.storage.models import AuditEntry
from tonewatch.storage.store import Store

LISTEN = {"listen": "true"}
AUDIO = "/v1/sessions/call-1/audio"


async def say(broker: Broker, *seqs: int, **changes: Any) -> None:
    """Seconds of call-1, each of which can be told from the others."""
    frames = [make_frame(seq, **changes) for seq in seqs]
    await broker.publish(
        [
            Outgoing(FRAMES, frame, {"pcm": np.full(16_000, 100 + frame.seq, "<i2").tobytes()})
            for frame in frames
        ]
    )


def seconds_of(pcm: bytes) -> list[int]:
    """Which seconds these are."""
    return [int(value) - 100 for value in np.frombuffer(pcm, "<i2")[::16_000]]


async def begin(store: Store, **changes: Any) -> None:
    await store.write(items([make_session(**{"labels": LISTEN, **changes})]))


def test_the_head_is_that_of_a_wav_file_of_unknown_length() -> None:
    with wave.open(io.BytesIO(wav_head() + bytes(64_000))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16_000)
        assert len(file.readframes(32_000)) == 64_000


async def test_a_call_is_heard_from_now_to_its_end(broker: RedisBroker) -> None:
    await say(broker, 0, 1)
    heard: list[bytes] = []

    async def listen() -> None:
        track = Track(session_id="call-1")
        async for pcm in live_seconds(broker, track, lambda: True):
            heard.append(pcm)  # noqa: PERF401 - looked at while it grows

    listening = asyncio.create_task(listen())
    await wait_until(lambda: len(heard) >= 2)
    await say(broker, 2, session_id="call-12")  # its name begins like that of the call
    await say(broker, 2, speaker=Speaker.AGENT)
    await say(broker, 1, 2)  # a second that comes again is heard once
    await say(broker, 3, final=True)
    await say(broker, 4)
    async with asyncio.timeout(30):
        await listening
    assert seconds_of(b"".join(heard)) == [0, 1, 2, 3]


async def test_the_audio_comes_over_http_while_the_call_goes_on_and_is_audited(
    make_service: MakeService, broker: RedisBroker
) -> None:
    service = make_service()
    async with running(service) as url, create_client(base_url=url) as client:
        await begin(Store(service.database))
        async with client.stream("GET", AUDIO, params={"by": "李主管"}) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "audio/wav"
            parts = answer.aiter_bytes(32_000)
            await say(broker, 0, 1)
            first = await anext(parts)
            assert first.startswith(b"RIFF")
            await wait_until(lambda: b"tonewatch_listeners 1.0" in service.metrics.render())
        await wait_until(lambda: b"tonewatch_listeners 0.0" in service.metrics.render())
        async with service.database.read() as session:
            entry = (await session.scalars(select(AuditEntry))).one()
        assert (entry.actor, entry.action, entry.subject) == ("李主管", "call.listen", "call-1")
        assert entry.detail == {"speaker": "mixed"}


async def test_a_listener_does_not_keep_the_service_from_stopping(
    make_service: MakeService,
) -> None:
    service = make_service()
    async with running(service) as url, create_client(base_url=url) as client:
        await begin(Store(service.database))
        async with client.stream("GET", AUDIO, params={"by": "li"}) as answer:
            parts = answer.aiter_bytes()
            assert await anext(parts) == wav_head()
            service.listeners._closed = True
            async with asyncio.timeout(30):
                assert b"".join([part async for part in parts]) == b""


async def test_only_live_calls_that_allow_it_can_be_listened_to(
    client: AsyncClient, store: Store
) -> None:
    over = {"state": SessionState.ENDED, "frames": 3}
    for session_id, changes, status, reason in (
        ("silent", {"labels": {}}, 403, "label `listen`"),
        ("agents", {"labels": {"listen": "agent"}}, 403, "the mixed of this call"),
        ("over", over, 409, "is over or a recording"),
        ("upload", {"lane": Lane.UPLOAD}, 409, "is over or a recording"),
    ):
        await begin(store, session_id=session_id, **changes)
        answer = await client.get(f"/v1/sessions/{session_id}/audio", params={"by": "li"})
        assert (answer.status_code, reason in answer.json()["detail"]) == (status, True), (
            answer.text
        )
        assert await get(client, f"/v1/sessions/{session_id}/listening") == {"speakers": []}
    answer = await client.get("/v1/sessions/nobody/audio", params={"by": "li"})
    assert answer.status_code == 404
    answer = await client.get("/v1/sessions/silent/audio")
    assert (answer.status_code, "say who does it" in answer.json()["detail"]) == (400, True)


async def test_who_may_be_heard_is_told(client: AsyncClient, store: Store) -> None:
    both = (Speaker.CUSTOMER, Speaker.AGENT)
    for session_id, label, heard in (
        ("both", "true", ["customer", "agent"]),
        ("one", "customer", ["customer"]),
        ("none", "false", []),
    ):
        await begin(store, session_id=session_id, speakers=both, labels={"listen": label})
        answer = await get(client, f"/v1/sessions/{session_id}/listening")
        assert answer == {"speakers": heard}


@pytest.mark.parametrize(
    ("options", "labels", "heard"),
    [
        ({"sources": "none"}, LISTEN, []),
        ({"sources": "all"}, {}, [Speaker.CUSTOMER, Speaker.AGENT]),
        ({"sources": "all", "speakers": ["customer"]}, {}, [Speaker.CUSTOMER]),
        ({"speakers": ["customer"]}, {"listen": "agent"}, []),
    ],
)
def test_the_operator_has_the_last_word(
    options: dict[str, Any], labels: dict[str, str], heard: list[Speaker]
) -> None:
    chosen = ListeningOptions.model_validate(options)
    listeners = Listeners(None, None, Metrics(), chosen)  # type: ignore[arg-type] # asks neither
    assert listeners.may_be_heard(labels, [Speaker.CUSTOMER, Speaker.AGENT]) == heard


async def test_no_more_listen_than_allowed(sqlite: Database, broker: RedisBroker) -> None:
    listeners = Listeners(broker, sqlite, Metrics(), ListeningOptions(most=1))
    track = Track(session_id="call-1")
    first = await listeners.listen(track, LISTEN, "li")
    assert await anext(first) == wav_head()
    with pytest.raises(Exception, match="1 people listen already"):
        await listeners.listen(track, LISTEN, "wang")
    await first.aclose()  # type: ignore[attr-defined] # a generator
    second = await listeners.listen(track, LISTEN, "wang")
    assert await anext(second) == wav_head()
    await second.aclose()  # type: ignore[attr-defined]


async def test_where_nothing_comes_a_little_silence_keeps_the_connection(
    sqlite: Database, broker: RedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tonewatch.storage.listening._listeners.QUIET_SECONDS", 0.0)
    listeners = Listeners(broker, sqlite, Metrics(), ListeningOptions())
    audio = await listeners.listen(Track(session_id="call-1"), LISTEN, "li")
    assert [len(await anext(audio)) for _ in range(2)] == [len(wav_head()), 3200]
    await audio.aclose()  # type: ignore[attr-defined]
