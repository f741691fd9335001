"""The loops that decide: scores against rules, and what no score can tell of."""

from collections.abc import Callable

from tonewatch.alerting.absence import AbsenceWatch
from tonewatch.alerting.consumer import GroupReader
from tonewatch.alerting.engine import Bounds, Timing
from tonewatch.alerting.evaluator import GROUP, Evaluator
from tonewatch.alerting.rules import LoadedRules
from tonewatch.alerting.sessions import SessionEnds
from tonewatch.alerting.settings import AlertingOptions
from tonewatch.alerting.sharing import PartitionShare
from tonewatch.alerting.tracks import Tracks
from tonewatch.shared.broker import Broker
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.runtime import Loop
from tonewatch.shared.streams import SCORES, SESSIONS


def evaluation_loops(
    broker: Broker,
    options: AlertingOptions,
    rules: Callable[[], LoadedRules],
    metrics: Metrics,
    share: PartitionShare | None = None,
) -> tuple[Loop, ...]:
    """Both look at the same tracks: all, or those of the partitions that are this replica's."""
    bounds = Bounds(
        newer_seconds=options.reorder_seconds,
        least_wait_seconds=options.reorder_wait_seconds,
        longest_wait_seconds=2 * max(options.reorder_wait_seconds, options.reorder_seconds),
    )
    tracks = Tracks(broker, bounds)
    evaluator = Evaluator(
        broker,
        GroupReader(broker, (SCORES, SESSIONS), GROUP, options.consumer, metrics, share),
        tracks,
        SessionEnds(broker, grace_seconds=options.session_end_seconds),
        rules,
        timing_of(options),
        metrics,
    )
    watch = AbsenceWatch(broker, tracks, rules, metrics)
    if share is None:
        return evaluator.evaluate, watch.watch_absence
    return share.share_partitions, evaluator.evaluate, watch.watch_absence


def timing_of(options: AlertingOptions) -> Timing:
    """Pauses and calm for rules that say nothing of them."""
    return Timing(
        gap_tolerance=options.gap_tolerance_seconds,
        dip_tolerance=options.dip_tolerance_seconds,
        resolve_after=options.resolve_after_seconds,
    )
