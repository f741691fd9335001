"""One bad frame never spoils a batch."""

from typing import Any

import pytest

from tests.support.audio import speech_like_pcm
from tests.support.engines import PickyEngine
from tests.support.messages import make_frame
from tonewatch.inference.batches import Batches, Item
from tonewatch.inference.host import EngineHost
from tonewatch.inference.settings import InferenceOptions
from tonewatch.inference.windows import Windows
from tonewatch.shared.broker import Delivery, Entry, MemoryBroker, Outgoing
from tonewatch.shared.broker.codec import encode
from tonewatch.shared.messages import FRAME_BYTES, Gap, GapReason, Score
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.streams import FRAMES

GOOD = speech_like_pcm(1)
POISON = b"\0\x60" * (FRAME_BYTES // 2)


def delivery(seq: int, pcm: bytes = GOOD, deliveries: int = 1, **changes: Any) -> Delivery:
    fields = encode(Outgoing(FRAMES, make_frame(seq, **changes), {"pcm": pcm}))
    return Delivery(FRAMES, 0, "inference", Entry(f"{seq + 1}-0", fields), deliveries)


@pytest.fixture
def engine() -> PickyEngine:
    return PickyEngine()


@pytest.fixture
async def batches(engine: PickyEngine, memory_broker: MemoryBroker) -> Batches:
    host = EngineHost.around(engine, Metrics())
    await host.load()
    return Batches(host, Windows(memory_broker, 3, 100), InferenceOptions())


async def run(batches: Batches, deliveries: list[Delivery]) -> list[Item]:
    items = await batches.prepare(deliveries)
    await batches.score(items)
    return items


def kind(item: Item) -> str | None:
    if item.outcome is None:
        return None
    (outgoing,) = item.outcome.publish
    message = outgoing.message
    if isinstance(message, Gap):
        return message.reason.value
    assert isinstance(message, Score)
    return "no_speech" if message.probabilities is None else "scored"


async def test_a_batch_is_one_call(batches: Batches, engine: PickyEngine) -> None:
    items = await run(batches, [delivery(seq) for seq in range(8)])
    assert [kind(item) for item in items] == ["scored"] * 8
    assert engine.calls == [8]


async def test_silence_never_reaches_the_engine(batches: Batches, engine: PickyEngine) -> None:
    items = await run(batches, [delivery(0, speech=0.19), delivery(1, speech=0.2)])
    assert [kind(item) for item in items] == ["no_speech", "scored"]
    assert engine.calls == [1]


async def test_silence_keeps_its_place_in_the_windows_after_it(batches: Batches) -> None:
    items = await run(
        batches, [delivery(0), delivery(1, speech=0), delivery(2, history=("1-0", "2-0"))]
    )
    assert len(items[2].window) == 3 * FRAME_BYTES


async def test_malformed_frames_become_gaps_and_the_rest_is_scored(batches: Batches) -> None:
    items = await run(batches, [delivery(0), delivery(1, b"odd"), delivery(2)])
    assert [kind(item) for item in items] == ["scored", "invalid", "scored"]
    assert items[1].outcome is not None
    assert "3 bytes of PCM" in (items[1].outcome.dead or "")


async def test_only_the_poisonous_frame_stays_pending(
    batches: Batches, engine: PickyEngine
) -> None:
    items = await run(batches, [delivery(0), delivery(1, POISON), delivery(2)])
    assert [kind(item) for item in items] == ["scored", None, "scored"]
    assert engine.calls == [3, 1, 1, 1]


async def test_a_frame_that_failed_too_often_is_given_up(
    batches: Batches, engine: PickyEngine
) -> None:
    items = await run(batches, [delivery(0, deliveries=5), delivery(1, POISON, deliveries=6)])
    assert [kind(item) for item in items] == ["scored", GapReason.POISON.value]
    assert engine.calls == [1]
