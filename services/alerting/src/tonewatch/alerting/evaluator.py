"""From scores to alerts, each step atomic: alert published, state saved, score acknowledged.

A second that is ahead of a missing one is held in memory and stays unacknowledged, so whatever
happens to this process, it is handed out again. A second is evaluated only when it is next in its
track, and its outcome counts only if nobody else has settled it; so a replica that takes over
(or works beside this one during a rolling restart) computes the same transitions with the same ids.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tonewatch.alerting.alerts import build_alert
from tonewatch.alerting.consumer import GroupReader
from tonewatch.alerting.engine import (
    CompiledRules,
    Held,
    Second,
    Timing,
    Transition,
    Verdict,
    compile_rules,
    evaluate,
    second_of,
)
from tonewatch.alerting.rules import LoadedRules
from tonewatch.alerting.sessions import SessionEnds
from tonewatch.alerting.tracks import Payload, TrackInHand, Tracks
from tonewatch.shared.broker import Broker, Delivery, Outcome, Outgoing
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import InvalidMessageError
from tonewatch.shared.logging import get_logger
from tonewatch.shared.messages import AlertState, Gap, Granularity, Message, Score, SessionEvent
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.streams import ALERTS

GROUP: Final = "alerting"
REFRESH_SECONDS: Final = 1.0
"""How often a blocked track looks whether another replica has carried it on."""

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


class Evaluator:
    """The loop of group `alerting`."""

    def __init__(
        self,
        broker: Broker,
        reader: GroupReader,
        tracks: Tracks,
        ends: SessionEnds,
        rules: Callable[[], LoadedRules],
        timing: Timing,
        metrics: Metrics,
    ) -> None:
        self._broker = broker
        self._reader = reader
        self._tracks = tracks
        self._ends = ends
        self._rules = rules
        self._timing = timing
        self._metrics = metrics
        self._compiled: tuple[LoadedRules, CompiledRules] | None = None
        self._refresh_at = 0.0

    async def evaluate(self, stop: asyncio.Event) -> None:
        """Evaluate scores until stopped; what is held then is handed out again later."""
        self._tracks.clear()
        self._ends.clear()
        await self.process(await self._reader.unfinished())
        while not stop.is_set():
            await self.process(await self._reader.next())

    async def process(self, deliveries: list[Delivery]) -> None:
        """Deal with a batch, and with what has waited long enough meanwhile."""
        decided: list[Decided] = []
        touched: dict[str, TrackInHand] = {}
        for delivery in deliveries:
            decided += self._take_in(delivery, touched)
        await self._refresh(touched)
        for track in touched.values():
            decided += self._advance(track)
        await self._settle(decided)
        await self._settle([Decided(outcome) for outcome in await self._ends.due(asyncio_now())])
        self._tracks.forget_idle()

    def _take_in(self, delivery: Delivery, touched: dict[str, TrackInHand]) -> list[Decided]:
        try:
            message = decode(delivery.stream, delivery.entry)
        except InvalidMessageError as error:
            return [self._dead(delivery, error.message)]
        if isinstance(message, SessionEvent):
            return [] if self._ends.hold(delivery, message) else [Decided(Outcome(delivery))]
        if not isinstance(message, Score | Gap) or _is_utterance(message):
            return [Decided(Outcome(delivery))]
        track = self._tracks.get(message.track, delivery.partition)
        touched[message.track.key] = track
        verdict = track.reorder.offer(
            Held(second_of(message), delivery.entry.entry_id, (delivery, message))
        )
        return [Decided(Outcome(delivery), verdict)] if verdict is Verdict.DOUBLED else []

    async def _refresh(self, touched: dict[str, TrackInHand]) -> None:
        """Read the states of tracks that are new here, or blocked for a while."""
        unknown = [track for track in touched.values() if track.state is None]
        if asyncio_now() >= self._refresh_at:
            self._refresh_at = asyncio_now() + REFRESH_SECONDS
            for track in self._tracks.blocked():
                if track.track.key not in touched:
                    touched[track.track.key] = track
                    unknown.append(track)
        await self._tracks.load(unknown)

    def _advance(self, track: TrackInHand) -> list[Decided]:
        """Evaluate what is next in order, as far as it goes."""
        decided = []
        while track.state is not None:
            taken = track.reorder.take(track.state, asyncio_now())
            if taken is None:
                break
            verdict, held = taken
            if verdict is Verdict.READY:
                decided.append(self._evaluate(track, held))
            else:
                decided.append(Decided(Outcome(held.payload[0]), verdict))
        return decided

    def _evaluate(self, track: TrackInHand, held: Held[Payload]) -> Decided:
        delivery, message = held.payload
        if track.state is None:  # pragma: no cover - the caller has looked
            raise RuntimeError("a track is evaluated after its state was read")
        try:
            transitions = evaluate(
                self._rules_now(), track.track, track.state, held.second, self._timing
            )
        except Exception as error:
            log.exception("a score could not be evaluated", track=track.track.key)
            track.state.next_seq = max(track.state.next_seq, held.second.last + 1)
            return self._dead(delivery, f"evaluation failed: {error!r}", track)
        now = utc_now()
        alerts = [
            Outgoing(ALERTS, build_alert(message, track.track.speaker, transition, now))
            for transition in transitions
        ]
        return Decided(
            Outcome(delivery, publish=alerts, state=track.saved()),
            Verdict.READY,
            track,
            tuple(transitions),
            message.published_at if isinstance(message, Score) else None,
            _has_no_numbers(message, held.second),
        )

    def _rules_now(self) -> CompiledRules:
        loaded = self._rules()
        if self._compiled is None or self._compiled[0] is not loaded:
            self._compiled = (loaded, compile_rules(loaded.rules))
        return self._compiled[1]

    async def _settle(self, decided: list[Decided]) -> None:
        if not decided:
            return
        settled = await self._broker.settle([item.outcome for item in decided])
        for item, first in zip(decided, settled, strict=True):
            if first:
                self._note(item)
                continue
            self._metrics.count("settle_lost_total", stream=item.outcome.delivery.stream.name)
            if item.track is not None:
                item.track.doubt()

    def _note(self, item: Decided) -> None:
        if item.verdict is Verdict.LATE:
            self._metrics.count("scores_late_total")
        elif item.verdict is Verdict.DOUBLED:
            self._metrics.count("scores_ignored_total", reason="doubled")
        elif item.verdict is Verdict.READY:
            self._metrics.count("scores_evaluated_total")
        if item.is_invalid:
            self._metrics.count("scores_ignored_total", reason="invalid")
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

    def _dead(self, delivery: Delivery, error: str, track: TrackInHand | None = None) -> Decided:
        self._metrics.count("dead_letters_total", stream=delivery.stream.name)
        log.error("a message went to the dead letters", reason=error)
        state = () if track is None else track.saved()
        return Decided(Outcome(delivery, state=state, dead=error), track=track)


def asyncio_now() -> float:
    """The event loop's clock: waits are measured with it, audio time never is."""
    return asyncio.get_running_loop().time()


def _is_utterance(message: Message) -> bool:
    return isinstance(message, Score) and message.granularity is not Granularity.FRAME


def _has_no_numbers(message: Score | Gap, second: Second) -> bool:
    if isinstance(message, Gap):
        return False
    return message.probabilities is not None and second.probabilities is None
