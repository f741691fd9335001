"""One alerting process on a broker, as far as evaluation goes, and what it has published."""

from datetime import timedelta

from tonewatch.alerting.consumer import GroupReader
from tonewatch.alerting.engine import Bounds, Timing
from tonewatch.alerting.evaluator import Evaluator
from tonewatch.alerting.rules import LoadedRules, parse_rules
from tonewatch.alerting.sessions import SessionEnds
from tonewatch.alerting.tracks import Tracks
from tonewatch.shared.broker import MemoryBroker
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.messages import Alert
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.streams import ALERTS, SCORES, SESSIONS, Stream

ANGRY = b"rules: [{name: angry, emotion: angry, threshold: 0.75, duration_sec: 2}]"


class Replica:
    """Evaluates when it is told to; a second one with the same name is a restart."""

    def __init__(
        self,
        broker: MemoryBroker,
        name: str = "a",
        *,
        rules: bytes = ANGRY,
        loaded: LoadedRules | None = None,
        grace: float = 60,
        timing: Timing | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self.broker = broker
        self.metrics = Metrics()
        self.loaded: LoadedRules = loaded or parse_rules(rules, "rules.yaml")
        self.reader = GroupReader(broker, (SCORES, SESSIONS), "alerting", name, self.metrics)
        self.tracks = Tracks(broker, bounds or Bounds(least_wait_seconds=0))
        self.evaluator = Evaluator(
            broker,
            self.reader,
            self.tracks,
            SessionEnds(broker, grace_seconds=grace),
            lambda: self.loaded,
            timing or Timing(),
            self.metrics,
        )

    async def step(self) -> None:
        """Evaluate what is new."""
        await self.evaluator.process(await self.reader.next(timedelta(0)))

    async def resume(self) -> None:
        """Evaluate what this name was handed and has not settled."""
        await self.evaluator.process(await self.reader.unfinished())

    def metric(self, name: str, **labels: str) -> float:
        """A metric's value; 0 if nothing was recorded."""
        return self.metrics.registry.get_sample_value(f"tonewatch_{name}", labels) or 0


async def alert_messages(broker: MemoryBroker) -> list[Alert]:
    """All alerts of the stream."""
    entries = await broker.tail(
        ALERTS, dict.fromkeys(range(broker.partitions), "0-0"), count=1000, block=None
    )
    found = [decode(ALERTS, entry.entry) for entry in entries]
    return [alert for alert in found if isinstance(alert, Alert)]


async def unsettled(broker: MemoryBroker, stream: Stream = SCORES) -> int:
    """Entries that evaluation was handed and has not settled."""
    return sum(
        state.pending for state in await broker.group_states(stream) if state.group == "alerting"
    )
