"""The loops that decide: scores against rules, and what no score can tell of."""

from collections.abc import Callable

from tonewatch.alerting.absence import AbsenceWatch
from tonewatch.alerting.consumer import GroupReader
from tonewatch.alerting.engine import Bounds, Timing
from tonewatch.alerting.evaluator import GROUP, Evaluator
from tonewatch.alerting.rules import LoadedRules
from tonewatch.alerting.sessions import SessionEnds
from tonewatch.alerting.settings import AlertingOptions
from tonewatch.alerting.tracks import Tracks
from tonewatch.shared.broker import Broker
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.runtime import Loop
from tonewatch.shared.streams import SCORES, SESSIONS


def evaluation_loops(
    broker: Broker, options: AlertingOptions, rules: Callable[[], LoadedRules], metrics: Metrics
) -> tuple[Loop, ...]:
    """Both look at the same tracks."""
    bounds = Bounds(
        newer_seconds=options.reorder_seconds,
        least_wait_seconds=options.reorder_wait_seconds,
        longest_wait_seconds=2 * max(options.reorder_wait_seconds, options.reorder_seconds),
    )
    tracks = Tracks(broker, bounds)
    evaluator = Evaluator(
        broker,
        GroupReader(broker, (SCORES, SESSIONS), GROUP, options.consumer, metrics),
        tracks,
        SessionEnds(broker, grace_seconds=options.session_end_seconds),
        rules,
        Timing(
            gap_tolerance=options.gap_tolerance_seconds,
            resolve_after=options.resolve_after_seconds,
        ),
        metrics,
    )
    return evaluator.evaluate, AbsenceWatch(broker, tracks, rules, metrics).watch_absence
