"""Senders that keep a connection open and say next to nothing, minute by minute."""

import asyncio
import json
from collections.abc import Iterable
from itertools import repeat
from uuid import uuid4

import pytest

from tests.support.sockets import audiosocket_frame, pieces
from tests.unit.ingest.sockets.test_call import HELLO, SOURCE, Peer, Recorder, Registry
from tests.unit.ingest.sockets.virtual import in_no_time
from tonewatch.ingest.live.calls import CallsSupervisor
from tonewatch.ingest.live.status import Status
from tonewatch.ingest.settings import IngestOptions
from tonewatch.ingest.sockets.audiosocket import AudioSocketDecoder
from tonewatch.ingest.sockets.call import Call
from tonewatch.ingest.sockets.connection import Close, Parting
from tonewatch.ingest.sockets.events import Decoder
from tonewatch.ingest.sockets.patience import Patience
from tonewatch.ingest.sockets.pcm import PcmDecoder
from tonewatch.ingest.sockets.twilio import TwilioDecoder

OPTIONS = IngestOptions()
SECOND = bytes(32_000)
MOST = 10_000
"""Whoever listens to so many small messages would listen for ever."""


class SlowPeer(Peer):
    """Sends its messages, then small ones, after so many seconds each."""

    def __init__(
        self, *messages: bytes | str, small: Iterable[bytes | str], every_seconds: float
    ) -> None:
        super().__init__(*messages)
        self._small = iter(small)
        self._every_seconds = every_seconds

    async def receive(self) -> bytes | str:
        if self.messages:
            return await super().receive()
        await asyncio.sleep(self._every_seconds)
        return next(self._small)


async def serve(peer: Peer, decoder: Decoder) -> Parting | None:
    """Serve a sender with the time-outs that ingest has by default."""
    status = Status(SOURCE.id, lambda _: None)
    registry = Registry(CallsSupervisor(SOURCE, status, most=2), SOURCE, SOURCE)
    patience = Patience(
        hello_seconds=OPTIONS.hello_seconds,
        stall_seconds=OPTIONS.stall_seconds,
        ahead_seconds=OPTIONS.pull_ahead_seconds,
        now=asyncio.get_running_loop().time,
    )
    await Call(peer, decoder, registry, Recorder(), patience).serve()  # type: ignore[arg-type]
    assert status.open_sessions == 0
    return peer.parting


@pytest.mark.parametrize("every_seconds", [60, 1])
@pytest.mark.parametrize("first", [(HELLO,), (HELLO, SECOND)])
def test_a_byte_now_and_then_is_no_audio(every_seconds: float, first: tuple[str | bytes]) -> None:
    peer = SlowPeer(*first, small=repeat(b"\0", MOST), every_seconds=every_seconds)
    parting, seconds = in_no_time(serve(peer, PcmDecoder()))
    assert parting == Parting("no audio for 10 s", Close.REFUSED, lost=True)
    assert seconds == pytest.approx(10, abs=1)


@pytest.mark.parametrize("every_seconds", [60, 1])
def test_a_hello_that_comes_byte_by_byte_is_not_waited_for(every_seconds: float) -> None:
    """A UUID in a frame has 19 bytes, so at one a second it is not there in time."""
    frame = pieces(audiosocket_frame(0x01, uuid4().bytes), 1)
    peer = SlowPeer(small=frame, every_seconds=every_seconds)
    parting, seconds = in_no_time(serve(peer, AudioSocketDecoder()))
    assert parting is not None
    assert parting.reason == "nothing said whose audio this is within 10 s"
    assert seconds == pytest.approx(10, abs=1)


def test_words_that_lead_nowhere_do_not_count_as_a_hello() -> None:
    mark = json.dumps({"event": "mark"})
    peer = SlowPeer(small=repeat(mark, MOST), every_seconds=0.5)
    parting, seconds = in_no_time(serve(peer, TwilioDecoder()))
    assert parting is not None
    assert parting.reason == "nothing said whose audio this is within 10 s"
    assert seconds == pytest.approx(10, abs=1)
