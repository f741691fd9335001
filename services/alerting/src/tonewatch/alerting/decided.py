"""A decision that waits to be settled, and what it counts as when it has taken effect."""

from dataclasses import dataclass
from datetime import datetime

from tonewatch.alerting.engine import Transition, Verdict
from tonewatch.alerting.tracks import TrackInHand
from tonewatch.shared.broker import Outcome
from tonewatch.shared.clock import utc_now
from tonewatch.shared.logging import get_logger
from tonewatch.shared.messages import AlertState
from tonewatch.shared.metrics import Metrics

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Decided:
    """An outcome to settle, and what it means if it takes effect."""

    outcome: Outcome
    verdict: Verdict | None = None
    track: TrackInHand | None = None
    transitions: tuple[Transition, ...] = ()
    published_at: datetime | None = None
    is_invalid: bool = False


class Notes:
    """Counts what was settled; what is counted often is counted once per batch."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def of(self, settled: list[Decided]) -> None:
        """Note decisions that have taken effect."""
        verdicts: dict[Verdict | None, int] = {}
        invalid = 0
        for item in settled:
            verdicts[item.verdict] = verdicts.get(item.verdict, 0) + 1
            invalid += item.is_invalid
            if item.transitions:
                self._tell(item)
        self._count(verdicts, invalid)

    def _count(self, verdicts: dict[Verdict | None, int], invalid: int) -> None:
        if late := verdicts.get(Verdict.LATE):
            self._metrics.count("scores_late_total", late)
        if doubled := verdicts.get(Verdict.DOUBLED):
            self._metrics.count("scores_ignored_total", doubled, reason="doubled")
        if ready := verdicts.get(Verdict.READY):
            self._metrics.count("scores_evaluated_total", ready)
        if invalid:
            self._metrics.count("scores_ignored_total", invalid, reason="invalid")

    def _tell(self, item: Decided) -> None:
        for transition in item.transitions:
            priority = transition.facts.priority
            self._metrics.count("alerts_total", state=transition.state, priority=priority)
            if transition.state is AlertState.FIRING and item.published_at is not None:
                elapsed = (utc_now() - item.published_at).total_seconds()
                self._metrics.observe("frame_to_alert_seconds", max(0.0, elapsed))
            log.info(
                "alert",
                state=transition.state,
                rule=transition.rule,
                alert_id=transition.facts.alert_id,
            )
