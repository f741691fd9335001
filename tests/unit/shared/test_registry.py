"""The small registries: streams and partitions, metrics, errors, identifiers, times."""

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewatch.shared import errors, metrics
from tonewatch.shared.clock import iso_utc, utc_now
from tonewatch.shared.ids import derived_id, new_id
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.streams import FRAMES, STREAMS, partition_of


@given(st.text(), st.integers(1, 64))
def test_a_key_has_one_partition(key: str, partitions: int) -> None:
    assert partition_of(key, partitions) == partition_of(key, partitions)
    assert 0 <= partition_of(key, partitions) < partitions


def test_partitions_are_the_same_in_every_process_and_fairly_filled() -> None:
    assert partition_of("call-1:mixed", 16) == 5, "changing this loses what is in flight"
    filled = Counter(partition_of(f"{new_id()}:mixed", 16) for _ in range(3200))
    assert max(filled.values()) < 3 * min(filled.values())


def test_all_keys_of_a_partition_share_a_hash_tag() -> None:
    assert FRAMES.key(3) == "tw:{3}:frames"
    assert len({stream.name for stream in STREAMS}) == len(STREAMS)


def test_metrics_are_declared_once_and_rendered() -> None:
    recorded = Metrics()
    recorded.count("frames_published_total", 2, lane="live")
    recorded.set("sources", 3, state="live")
    recorded.observe("compute_seconds", 0.2)
    text = recorded.render().decode()
    assert 'tonewatch_frames_published_total{lane="live"} 2.0' in text
    assert 'tonewatch_sources{state="live"} 3.0' in text
    assert 'tonewatch_compute_seconds_bucket{le="0.25"} 1.0' in text
    assert "process_resident_memory_bytes" in text


def test_every_metric_name_has_its_declaration() -> None:
    assert set(get_args(metrics.CounterName)) == set(metrics.COUNTERS)
    assert set(get_args(metrics.GaugeName)) == set(metrics.GAUGES)
    assert set(get_args(metrics.HistogramName)) == set(metrics.HISTOGRAMS)


def test_two_services_in_one_process_do_not_share_metrics() -> None:
    one, other = Metrics(), Metrics()
    one.count("claimed_total", stream="frames")
    other.count("claimed_total", stream="frames")
    assert 'claimed_total{stream="frames"} 1.0' in other.render().decode()


def test_an_errors_docstring_is_its_message() -> None:
    assert errors.NotFoundError().message == "There is no such thing."
    assert errors.NotFoundError("no source x").message == "no source x"
    assert errors.BrokerUnavailableError().retryable


def test_the_error_tree_in_the_docstring_is_complete() -> None:
    def all_below(root: type[errors.TonewatchError]) -> set[str]:
        return {root.__name__}.union(*(all_below(sub) for sub in root.__subclasses__()))

    own = {n for n in all_below(errors.TonewatchError) if hasattr(errors, n)}
    assert errors.__doc__ is not None
    assert {name for name in own if name not in errors.__doc__} == set()


def test_new_ids_are_ordered_by_time_and_derived_ones_repeat() -> None:
    made = [new_id() for _ in range(100)]
    assert made == sorted(made)
    assert derived_id("rule", "track", "3") == derived_id("rule", "track", "3")
    assert derived_id("a", "bc") != derived_id("ab", "c")


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=8))])
def test_times_are_written_in_utc_with_a_z(zone: timezone) -> None:
    moment = datetime(2026, 1, 4, 9, 0, 0, 123_456, tzinfo=UTC).astimezone(zone)
    assert iso_utc(moment) == "2026-01-04T09:00:00.123Z"
    assert utc_now().tzinfo is UTC
