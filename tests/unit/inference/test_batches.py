"""One bad frame never spoils a batch; groups and utterances are answered with their frames."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.audio import speech_like_pcm
from tests.support.engines import PickyEngine
from tests.support.jobs import GOOD, delivery_of
from tonewatch.inference.batch_size import BatchSize
from tonewatch.inference.batches import Batches, Item
from tonewatch.inference.embeddings import Embeddings
from tonewatch.inference.frames import Admission, FrameJob
from tonewatch.inference.host import EngineHost, waveform
from tonewatch.inference.results import Results
from tonewatch.inference.windows import Windows
from tonewatch.shared.broker import MemoryBroker
from tonewatch.shared.messages import FRAME_BYTES, Granularity, Score, UtteranceMark
from tonewatch.shared.metrics import Metrics

POISON = b"\0\x60" * (FRAME_BYTES // 2)
PCM = speech_like_pcm(4)
ENDED = UtteranceMark(number=7, start_ms=500, end_ms=2_300)


@pytest.fixture
def engine() -> PickyEngine:
    return PickyEngine()


@pytest.fixture
async def batches(engine: PickyEngine, memory_broker: MemoryBroker, tmp_path: Path) -> Batches:
    host = EngineHost.around(engine, Metrics())
    await host.load()
    windows = Windows(memory_broker, 3, 100)
    return Batches(host, windows, Results(engine, 10), Embeddings(tmp_path), BatchSize(64, 1))


def frame(seq: int, pcm: bytes = GOOD, **changes: Any) -> FrameJob:
    history = tuple(f"{before + 1}-0" for before in range(seq))
    opened = Admission(5, 0.2).open(delivery_of(seq, pcm=pcm, history=history, **changes))
    assert isinstance(opened, FrameJob)
    return opened


def track(**changes: Any) -> list[FrameJob]:
    """Four seconds; `changes` are of the last."""
    parts = [PCM[at : at + FRAME_BYTES] for at in range(0, len(PCM), FRAME_BYTES)]
    return [frame(n, part, **(changes if n == 3 else {})) for n, part in enumerate(parts)]


async def run(batches: Batches, groups: list[list[FrameJob]]) -> list[Item]:
    items = await batches.prepare(groups)
    await batches.score(items)
    return items


def scores(item: Item) -> list[Score]:
    found = [out.message for outcome in item.outcomes for out in outcome.publish]
    assert all(isinstance(message, Score) for message in found)
    return [message for message in found if isinstance(message, Score)]


async def test_a_batch_is_one_call(batches: Batches, engine: PickyEngine) -> None:
    items = await run(batches, [[frame(seq)] for seq in range(8)])
    assert [len(scores(item)) for item in items] == [1] * 8
    assert engine.calls == [8]


async def test_silence_never_reaches_the_engine(batches: Batches, engine: PickyEngine) -> None:
    items = await run(batches, [[frame(0, speech=0.19)], [frame(1, speech=0.2)]])
    assert [score.probabilities is None for item in items for score in scores(item)] == [
        True,
        False,
    ]
    assert engine.calls == [1]


async def test_silence_keeps_its_place_in_the_windows_after_it(batches: Batches) -> None:
    items = await run(batches, [[frame(0)], [frame(1, speech=0)], [frame(2)]])
    assert len(items[2].window) == 3 * FRAME_BYTES


async def test_only_the_poisonous_frame_stays_pending(
    batches: Batches, engine: PickyEngine
) -> None:
    poison = frame(0, POISON, session_id="other")
    items = await run(batches, [[frame(0)], [poison], [frame(2)]])
    assert [bool(item.outcomes) for item in items] == [True, False, True]
    assert engine.calls == [3, 1, 1, 1]


async def test_one_window_answers_for_a_whole_group(batches: Batches, engine: PickyEngine) -> None:
    jobs = track()
    (item, last) = await run(batches, [jobs[:3], jobs[3:]])
    assert engine.calls == [2]
    assert item.window == PCM[: 3 * FRAME_BYTES]
    found = scores(item)
    assert [score.seq for score in found] == [0, 1, 2]
    assert len({score.probabilities for score in found}) == 1
    assert [score.hop_seconds for score in [*found, *scores(last)]] == [3, 3, 3, 1]
    assert [outcome.delivery for outcome in item.outcomes] == [job.delivery for job in jobs[:3]]


async def test_each_frame_of_a_group_has_its_own_steps(batches: Batches) -> None:
    jobs = track()
    (item,) = await run(batches, [jobs[1:]])
    (answer,) = PickyEngine().score([waveform(PCM[FRAME_BYTES:])])
    blobs = [out.blobs["steps"] for outcome in item.outcomes for out in outcome.publish]
    rows = [np.frombuffer(blob, dtype="<f4").reshape(-1, 9) for blob in blobs]
    assert [len(own) for own in rows] == [10, 10, 10]
    assert np.array_equal(np.concatenate(rows), answer.steps)


async def test_an_ended_utterance_is_scored_whole_with_its_frame(batches: Batches) -> None:
    jobs = track(utterances=(ENDED,), speech=0.0)
    (item,) = await run(batches, [[jobs[3]]])  # the frames before it are unknown here
    assert scores(item)[0].emotion == "no_speech"
    items = await run(batches, [[job] for job in jobs])
    (of_frame, of_utterance) = scores(items[3])
    assert (of_frame.seq, of_frame.granularity) == (3, Granularity.FRAME)
    assert (of_utterance.seq, of_utterance.granularity) == (7, Granularity.UTTERANCE)
    assert (of_utterance.start_ms, of_utterance.end_ms) == (500, 2_300)
    (expected,) = PickyEngine().score([waveform(PCM[16_000:73_600])])
    assert of_utterance.probabilities == pytest.approx(expected.probabilities, abs=1e-6)
    assert of_utterance.window_seconds == pytest.approx(1.8)
    assert of_utterance.embedding_path is None


async def test_an_utterance_that_goes_on_is_not_scored(batches: Batches) -> None:
    going_on = ENDED.model_copy(update={"end_ms": None})
    items = await run(batches, [[job] for job in track(utterances=(going_on,))])
    assert [len(scores(item)) for item in items] == [1, 1, 1, 1]


async def test_an_embedding_is_kept_for_who_asks(
    batches: Batches, engine: PickyEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = PickyEngine.score

    def with_embedding(self: PickyEngine, windows: Any) -> Any:
        answers = plain(self, windows)
        return [type(a)(a.probabilities, a.steps, np.full(8, 0.5, np.float32)) for a in answers]

    monkeypatch.setattr(PickyEngine, "score", with_embedding)
    jobs = track(utterances=(ENDED,), embeddings=True)
    items = await run(batches, [[job] for job in jobs])
    path = scores(items[3])[1].embedding_path
    assert path == "embeddings/call-1/mixed-7.npy"
    kept = np.load(tmp_path / path)
    assert kept.dtype == np.float16
    assert kept.tolist() == [0.5] * 8
