"""Batches shrink to what the engine can do in the time given, and grow again."""

from tonewatch.inference.batch_size import BatchSize


def test_the_first_batch_may_be_the_largest() -> None:
    assert BatchSize(32, 1.0).limit == 32


def test_a_slow_engine_gets_small_batches() -> None:
    size = BatchSize(32, 1.0)
    size.measured(32, 8.0)
    assert size.limit == 4


def test_there_is_always_one_window() -> None:
    size = BatchSize(32, 1.0)
    size.measured(1, 60.0)
    assert size.limit == 1


def test_a_slow_first_call_is_forgotten() -> None:
    size = BatchSize(32, 1.0)
    size.measured(1, 10.0)
    for _ in range(30):
        size.measured(size.limit, 0.01)
    assert size.limit == 32
