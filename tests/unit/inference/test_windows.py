"""Windows are the last seconds of the track, whoever forms them and whatever the cache holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.messages import make_frame
from tonewatch.inference.frames import FrameJob
from tonewatch.inference.windows import Windows
from tonewatch.shared.broker import Delivery, Entry, MemoryBroker, Outgoing
from tonewatch.shared.broker.codec import encode
from tonewatch.shared.messages import FRAME_BYTES
from tonewatch.shared.streams import FRAMES, STREAMS, partition_of

PARTITIONS = 4


def second(number: int, samples: int = FRAME_BYTES // 2) -> bytes:
    """A second of audio that tells which one it is."""
    return (number + 1).to_bytes(2, "little") * samples


async def published(
    seconds: list[bytes], session: str = "call-1", history: int = 10
) -> tuple[MemoryBroker, list[FrameJob]]:
    """A track in a broker, as ingest publishes it."""
    broker = MemoryBroker(partitions=PARTITIONS)
    await broker.setup(STREAMS)
    jobs: list[FrameJob] = []
    ids: list[str] = []
    for seq, pcm in enumerate(seconds):
        frame = make_frame(seq, session, samples=len(pcm) // 2, history=tuple(ids[-history:]))
        outgoing = Outgoing(FRAMES, frame, {"pcm": pcm})
        ids += await broker.publish([outgoing])
        partition = partition_of(frame.partition_key, PARTITIONS)
        entry = Entry(ids[-1], encode(outgoing))
        jobs.append(FrameJob(Delivery(FRAMES, partition, "inference", entry), frame, pcm))
    return broker, jobs


@given(
    count=st.integers(1, 8),
    window_seconds=st.sampled_from([1.0, 2.5, 3.0, 5.0]),
    last_samples=st.sampled_from([16_000, 7_000, 100]),
    cache_frames=st.integers(0, 4),
    remembered=st.sets(st.integers(0, 7)),
)
async def test_a_window_is_the_end_of_the_track_whatever_the_cache_holds(
    count: int,
    window_seconds: float,
    last_samples: int,
    cache_frames: int,
    remembered: set[int],
) -> None:
    seconds = [second(number) for number in range(count - 1)] + [second(99, last_samples)]
    broker, jobs = await published(seconds)
    windows = Windows(broker, window_seconds, cache_frames)
    windows.remember([job for number, job in enumerate(jobs) if number in remembered])
    (window,) = await windows.form([jobs[-1]])
    assert window == b"".join(seconds)[-int(window_seconds * FRAME_BYTES) :]


async def test_windows_of_one_batch_do_not_mix_tracks() -> None:
    broker, first = await published([second(0), second(1)], "call-1")
    _, other = await published([second(50), second(51)], "call-2")
    windows = Windows(broker, 3, 100)
    windows.remember(first + other)
    formed = await windows.form([first[1], other[1], first[0]])
    assert formed == [second(0) + second(1), second(50) + second(51), second(0)]


async def test_a_window_ends_where_the_track_is_not_contiguous() -> None:
    broker, jobs = await published([second(number) for number in range(4)])
    ids = [job.delivery.entry.entry_id for job in jobs]
    skipping = jobs[3].frame.model_copy(update={"history": (ids[0], ids[2])})
    windows = Windows(broker, 4, 0)
    (window,) = await windows.form([FrameJob(jobs[3].delivery, skipping, jobs[3].pcm)])
    assert window == second(2) + second(3)


async def test_a_window_never_reaches_into_another_track() -> None:
    broker, jobs = await published([second(0), second(1)])
    stranger = jobs[1].frame.model_copy(update={"session_id": "call-9"})
    (window,) = await Windows(broker, 3, 0).form(
        [FrameJob(jobs[1].delivery, stranger, jobs[1].pcm)]
    )
    assert window == second(1)


@pytest.mark.parametrize("pcm", [b"", b"\x01", second(0, 5)])
async def test_a_malformed_or_short_neighbour_ends_the_window(pcm: bytes) -> None:
    broker, jobs = await published([second(0), second(1)])
    damaged = Outgoing(FRAMES, make_frame(0), {"pcm": pcm})
    (damaged_id,) = await broker.publish([damaged])
    frame = jobs[1].frame.model_copy(update={"history": (damaged_id,)})
    (window,) = await Windows(broker, 3, 10).form([FrameJob(jobs[1].delivery, frame, jobs[1].pcm)])
    assert window == second(1)


async def test_the_cache_stays_within_its_bound_and_spares_the_broker() -> None:
    broker, jobs = await published([second(number) for number in range(30)])
    windows = Windows(broker, 3, 5)
    windows.remember(jobs)
    assert len(windows._cache) == 5
    broker.available = False  # what is cached needs no broker
    assert await windows.form([jobs[-1]]) == [b"".join(job.pcm for job in jobs[-3:])]


@given(
    start_ms=st.integers(0, 30_000),
    length_ms=st.integers(1, 30_000),
    cache_frames=st.sampled_from([0, 3, 100]),
    history=st.sampled_from([1, 4, 9]),
)
async def test_a_span_is_cut_out_of_the_track_however_little_a_frame_names(
    start_ms: int, length_ms: int, cache_frames: int, history: int
) -> None:
    seconds = [second(number) for number in range(31)]
    broker, jobs = await published(seconds, history=history)
    end_ms = min(31_000, start_ms + length_ms)
    windows = Windows(broker, 3, cache_frames)
    windows.remember(jobs)
    found = await windows.span(jobs[30], start_ms, end_ms)
    assert found == (start_ms, b"".join(seconds)[32 * start_ms : 32 * end_ms])


async def test_of_a_span_whose_beginning_is_gone_the_rest_is_left() -> None:
    broker, jobs = await published([second(number) for number in range(8)], history=3)
    for log in broker._logs.values():
        log.cut(_parsed(jobs[4]))
    start_ms, pcm = await Windows(broker, 3, 0).span(jobs[7], 500, 7_500)
    assert start_ms == 4_000
    assert pcm == b"".join(second(number) for number in range(4, 8))[: 32 * 3_500]


def _parsed(job: FrameJob) -> tuple[int, int]:
    milliseconds, _, number = job.delivery.entry.entry_id.partition("-")
    return int(milliseconds), int(number)
