"""Twilio Media Streams: both sides of a call, in step."""

import asyncio
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from tests.integration.ingest.calls import (
    SPLIT,
    add,
    ended,
    file_pcm,
    is_idle,
    likeness,
    tracks,
)
from tests.integration.ingest.conftest import MakeIngest
from tests.integration.ingest.streams import Reader
from tests.support.audio import speech_like_pcm, write_wav
from tests.support.running import running
from tests.support.sockets import (
    TwilioCall,
    backwards,
    closing,
    encode_mulaw,
    every_second_sample,
    pieces,
    websocket,
)
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import create_client
from tonewatch.shared.messages import Speaker

TWILIO = "/v1/ws/twilio"
PACKET_MS = 20
CALLER, DESK = speech_like_pcm(3), backwards(speech_like_pcm(3))
CODED = [pieces(encode_mulaw(every_second_sample(side)), 160) for side in (CALLER, DESK)]
SWAPPED = "left=agent,right=customer"


async def speak(call: TwilioCall) -> None:
    """Both sides at once; packets 50 to 100 of the desk (the second second) never come."""
    for number, (caller, desk) in enumerate(zip(*CODED, strict=True)):
        await call.media("inbound", 40 + number * PACKET_MS, caller)
        if not 50 <= number < 100:
            await call.media("outbound", 40 + number * PACKET_MS, desk)


@pytest.mark.parametrize(
    ("layout", "inbound", "outbound"),
    [
        ("mixed", Speaker.CUSTOMER, Speaker.AGENT),
        (SPLIT, Speaker.CUSTOMER, Speaker.AGENT),
        (SWAPPED, Speaker.AGENT, Speaker.CUSTOMER),
    ],
)
async def test_both_sides_of_a_call_stay_in_step(
    make_ingest: MakeIngest,
    broker: RedisBroker,
    layout: str,
    inbound: Speaker,
    outbound: Speaker,
) -> None:
    reader = Reader(broker)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        source = await add(client, channels=layout, permitted_labels=["call_sid", "agent_id"])
        async with websocket(base, TWILIO) as socket:
            call = TwilioCall(socket)
            await call.start({"key": source["stream_key"], "agent_id": "7", "queue": "no"})
            await speak(call)
            await call.stop()
            assert await closing(socket) == (1000, "Twilio ended the stream")
        await wait_until(lambda: ended(reader))
    made = await tracks(reader)
    second = 32_000
    assert {speaker: len(pcm) for speaker, pcm in made.items()} == {
        inbound: 3 * second,
        outbound: 3 * second,
    }
    assert likeness(made[inbound], CALLER) > 0.9
    for start, end in ((0, second - 3200), (2 * second + 3200, 3 * second)):
        assert likeness(made[outbound][start:end], DESK[start:end]) > 0.9
    assert not any(made[outbound][second + 3200 : 2 * second - 3200]), "what is missing is silence"
    (event,) = await ended(reader)
    assert event.labels == {"call_sid": "CA1", "agent_id": "7"}


async def test_a_file_on_one_track_becomes_one_track(
    make_ingest: MakeIngest, broker: RedisBroker, tmp_path: Path
) -> None:
    path = write_wav(tmp_path / "call.wav", every_second_sample(CALLER), 8000)
    reader = Reader(broker)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        source = await add(client)
        async with websocket(base, TWILIO) as socket:
            call = TwilioCall(socket)
            await call.start({"key": source["stream_key"]}, tracks=["inbound"])
            for number, coded in enumerate(pieces(encode_mulaw(file_pcm(path)), 160)):
                await call.media("inbound", number * PACKET_MS, coded)
            await call.stop()
            await closing(socket)
        await wait_until(lambda: ended(reader))
    made = await tracks(reader)
    assert set(made) == {Speaker.CUSTOMER}
    assert likeness(made[Speaker.CUSTOMER], CALLER) > 0.9


async def test_the_agent_is_not_heard_where_the_policy_says_so(
    make_ingest: MakeIngest, broker: RedisBroker
) -> None:
    reader = Reader(broker)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        source = await add(client, channels=SPLIT, policy={"agent": "off"})
        async with websocket(base, TWILIO) as socket:
            call = TwilioCall(socket)
            await call.start({"key": source["stream_key"]})
            await speak(call)
            await call.stop()
            await closing(socket)
        await wait_until(lambda: ended(reader))
        async with websocket(base, TWILIO) as socket:
            await TwilioCall(socket).start({"key": source["stream_key"]}, tracks=["outbound"])
            code, reason = await closing(socket)
        assert (code, reason) == (1007, "policy: nobody in this stream may be monitored")
        await wait_until(lambda: is_idle(client, source["id"]))
    assert set(await tracks(reader)) == {Speaker.CUSTOMER}


async def test_a_wrong_key_is_refused_without_a_message(make_ingest: MakeIngest) -> None:
    """Twilio counts messages that it does not know as errors of the call."""
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        await add(client)
        async with websocket(base, TWILIO) as socket:
            await TwilioCall(socket).start({"key": "guess"})
            with pytest.raises(ConnectionClosed):
                async with asyncio.timeout(30):
                    await socket.recv()
            assert socket.close_code == 1008


async def test_a_malformed_message_ends_the_session_with_the_reason(
    make_ingest: MakeIngest, broker: RedisBroker
) -> None:
    reader = Reader(broker)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        source = await add(client)
        async with websocket(base, TWILIO) as socket:
            call = TwilioCall(socket)
            await call.start({"key": source["stream_key"]})
            await call.media("inbound", 0, CODED[0][0])
            await call.media("sideways", 20, CODED[0][1])
            code, _ = await closing(socket)
        assert code == 1007
        await wait_until(lambda: ended(reader))
    (event,) = await ended(reader)
    assert (event.reason or "").startswith("message.media.track")
