"""One connection against a registry that changes under it, and a peer that does not answer."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from tests.support.wait import wait_until
from tonewatch.ingest.live import Quality, drift
from tonewatch.ingest.live.calls import CallsSupervisor
from tonewatch.ingest.live.status import Status
from tonewatch.ingest.live.transitions import SourceState
from tonewatch.ingest.publishing import SessionInfo
from tonewatch.ingest.sockets import call as call_module
from tonewatch.ingest.sockets.call import Call
from tonewatch.ingest.sockets.connection import Close, LeftError, Parting
from tonewatch.ingest.sockets.patience import Patience
from tonewatch.ingest.sockets.pcm import PcmDecoder
from tonewatch.ingest.sources import Source, SourceKind
from tonewatch.shared.logging import scrub
from tonewatch.shared.messages import Speaker

SOURCE = Source(
    id="s1", name="line", kind=SourceKind.WEBSOCKET, created_at=datetime(2026, 1, 4, tzinfo=UTC)
)
HELLO = json.dumps({"type": "hello", "key": "k", "rate_hz": 16_000})


class Peer:
    """A connection whose messages are given beforehand; after them it is silent."""

    kind = SourceKind.WEBSOCKET
    address = "192.0.2.1"
    key: str | None = None

    def __init__(self, *messages: bytes | str | Exception) -> None:
        self.labels: Mapping[str, str] = {}
        self.messages = list(messages)
        self.parting: Parting | None = None
        self.listens = True

    async def receive(self) -> bytes | str:
        if not self.messages:
            await asyncio.Event().wait()
        message = self.messages.pop(0)
        if isinstance(message, Exception):
            raise message
        return message

    async def welcome(self, session_id: str) -> None:
        """Nobody listens."""

    async def part(self, parting: Parting) -> None:
        self.parting = parting
        if not self.listens:
            await asyncio.Event().wait()


class Registry:
    """Answers with these sources, one after the other."""

    def __init__(self, supervisor: CallsSupervisor, *answers: Source | None) -> None:
        self._supervisor = supervisor
        self._answers = list(answers)

    async def source(self, key: str, kind: SourceKind) -> Source | None:
        return self._answers.pop(0)

    def supervisor(self, source_id: str) -> CallsSupervisor | None:
        return self._supervisor


class Recorder:
    """Stands for sessions and for each of them."""

    seconds = 0.0

    def __init__(self) -> None:
        self.pcm = b""
        self.reason = ""
        self.info: SessionInfo | None = None
        self.error: Exception | None = None

    async def open(self, info: SessionInfo) -> "Recorder":
        if self.error is not None:
            raise self.error
        self.info = info
        return self

    def feed(self, pcm: bytes, speaker: Speaker) -> None:
        self.pcm += pcm

    def end(self, reason: str) -> None:
        self.reason = reason


@pytest.fixture
def status() -> Status:
    return Status(SOURCE.id, lambda _: None)


@pytest.fixture
def supervisor(status: Status) -> CallsSupervisor:
    return CallsSupervisor(SOURCE, status, most=2)


def call_of(peer: Peer, registry: Registry, sessions: Recorder) -> Call:
    now = asyncio.get_running_loop().time
    patience = Patience(hello_seconds=5, stall_seconds=5, ahead_seconds=30, now=now)
    return Call(peer, PcmDecoder(), registry, sessions, patience)  # type: ignore[arg-type]


async def test_a_key_that_is_changed_while_it_is_looked_up_opens_nothing(
    supervisor: CallsSupervisor, status: Status
) -> None:
    peer, sessions = Peer(HELLO, bytes(3200)), Recorder()
    await call_of(peer, Registry(supervisor, SOURCE, None), sessions).serve()
    assert peer.parting == Parting("no source of this kind has this key", Close.REFUSED)
    assert sessions.info is None
    assert status.state is SourceState.IDLE


async def test_what_breaks_inside_ends_the_call_and_leaves_the_source(
    supervisor: CallsSupervisor, status: Status
) -> None:
    peer, sessions = Peer(HELLO, bytes(3200)), Recorder()
    sessions.error = RuntimeError("the disk is gone")
    await call_of(peer, Registry(supervisor, SOURCE, SOURCE), sessions).serve()
    assert peer.parting == Parting("internal error: RuntimeError", Close.INTERNAL)
    assert (status.state, status.open_sessions) == (SourceState.IDLE, 0)


async def test_the_session_has_all_audio_before_the_connection_was_lost(
    supervisor: CallsSupervisor, status: Status
) -> None:
    gone = LeftError("the connection was lost", lost=True)
    peer, sessions = Peer(HELLO, b"\1\2\3", b"\4\5\6\7", gone), Recorder()
    await call_of(peer, Registry(supervisor, SOURCE, SOURCE), sessions).serve()
    assert (sessions.pcm, sessions.reason) == (b"\1\2\3\4\5\6", "the connection was lost")
    assert status.reason == "the connection was lost"
    assert status.quality() is Quality.GOOD, "a loss"


async def test_who_says_goodbye_or_never_had_a_session_is_no_loss(
    supervisor: CallsSupervisor, status: Status
) -> None:
    for last in (LeftError("the sender closed the connection"), '{"type": "end"}'):
        peer = Peer(HELLO, bytes(3200), last)
        await call_of(peer, Registry(supervisor, SOURCE, SOURCE), Recorder()).serve()
    peer = Peer(HELLO, LeftError("the connection was lost", lost=True))
    await call_of(peer, Registry(supervisor, SOURCE, SOURCE), Recorder()).serve()
    assert status.quality() is Quality.EXCELLENT


async def test_a_call_whose_clock_runs_away_makes_the_source_worse(
    supervisor: CallsSupervisor, status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift, "SETTLES_SECONDS", 0)
    peer, sessions = Peer(HELLO, bytes(3200), bytes(3200)), Recorder()
    recorded = iter([1.0, 5.0])  # seconds of audio, in next to no time
    monkeypatch.setattr(Recorder, "seconds", property(lambda _: next(recorded)))
    call = call_of(peer, Registry(supervisor, SOURCE, SOURCE), sessions)
    serving = asyncio.create_task(call.serve())
    await wait_until(lambda: not peer.messages, interval_seconds=0)
    await wait_until(lambda: status.quality() is Quality.FAIR, interval_seconds=0)
    call.end("ingest was stopped")
    await serving


async def test_a_peer_that_does_not_listen_is_not_waited_for(
    supervisor: CallsSupervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_module, "PART_SECONDS", 0.01)
    peer, sessions = Peer("no hello"), Recorder()
    peer.listens = False
    async with asyncio.timeout(30):
        await call_of(peer, Registry(supervisor), sessions).serve()
    assert peer.parting is not None


async def test_a_stopped_source_lets_nobody_in_any_more(
    supervisor: CallsSupervisor, status: Status
) -> None:
    peer, sessions = Peer(HELLO, bytes(3200)), Recorder()
    call = call_of(peer, Registry(supervisor, SOURCE, SOURCE), sessions)
    serving = asyncio.create_task(call.serve())
    await wait_until(lambda: status.open_sessions == 1, interval_seconds=0)
    assert status.state is SourceState.LIVE
    await supervisor.stop("the source was changed")
    await serving
    assert sessions.reason == "the source was changed"
    assert peer.parting == Parting("the source was changed", Close.RESTART)
    late = Peer(HELLO)
    await call_of(late, Registry(supervisor, SOURCE), sessions).serve()
    assert late.parting == Parting("the source was changed", Close.LATER)


async def test_a_call_that_is_ended_before_its_first_step_ends(
    supervisor: CallsSupervisor,
) -> None:
    peer = Peer(HELLO)
    call = call_of(peer, Registry(supervisor), Recorder())
    serving = asyncio.create_task(call.serve())
    asyncio.get_running_loop().call_soon(call.end, "ingest was stopped")
    await serving
    assert peer.parting == Parting("ingest was stopped", Close.RESTART)


def test_the_server_s_own_line_about_a_connection_shows_no_key() -> None:
    line = '192.0.2.1:5000 - "WebSocket /v1/ws/pcm?key=s3cret&rate=8000" [accepted]'
    assert "s3cret" not in scrub(line)
    assert "rate=8000" in scrub(line)
