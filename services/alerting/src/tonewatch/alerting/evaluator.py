"""From scores to alerts, each step atomic: alert published, state saved, score acknowledged.

A second that is ahead of a missing one is held in memory and stays unacknowledged, so whatever
happens to this process, it is handed out again. A second is evaluated only when it is next in its
track, and its outcome counts only if nobody else has settled it; so a replica that takes over
(or works beside this one during a rolling restart) computes the same transitions with the same ids.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from tonewatch.alerting.alerts import build_alert
from tonewatch.alerting.consumer import GroupReader
from tonewatch.alerting.decided import Decided, Notes
from tonewatch.alerting.engine import (
    Held,
    Second,
    Timing,
    Transition,
    Verdict,
    evaluate,
    evaluate_utterance,
    second_of,
    utterance_of,
)
from tonewatch.alerting.in_force import RulesInForce
from tonewatch.alerting.rules import LoadedRules
from tonewatch.alerting.sessions import SessionEnds
from tonewatch.alerting.tracks import Payload, Spoken, TrackInHand, Tracks
from tonewatch.shared.broker import Broker, Delivery, Outcome, Outgoing
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import InvalidMessageError
from tonewatch.shared.logging import get_logger
from tonewatch.shared.messages import Gap, Granularity, Score, SessionEvent
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.streams import ALERTS

GROUP: Final = "alerting"
REFRESH_SECONDS: Final = 1.0
"""How often a blocked track looks whether another replica has carried it on."""

STEPS: Final = "steps"

log = get_logger(__name__)


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
        self._rules = RulesInForce(rules)
        self._timing = timing
        self._metrics = metrics
        self._notes = Notes(metrics)
        self._refresh_at = 0.0

    async def evaluate(self, stop: asyncio.Event) -> None:
        """Evaluate scores until stopped; what is held then is handed out again later."""
        self._tracks.clear()
        self._ends.clear()
        await self.process(await self._reader.unfinished())
        while not stop.is_set():
            deliveries = await self._reader.next()
            if self._reader.lost:  # what is held of them is handed out to their new replica
                self._tracks.leave(self._reader.lost)
                self._ends.leave(self._reader.lost)
            await self.process(deliveries)

    async def process(self, deliveries: list[Delivery]) -> None:
        """Deal with a batch, and with what has waited long enough meanwhile."""
        decided: list[Decided] = []
        touched: dict[str, TrackInHand] = {}
        seconds: list[Second] = []
        for delivery in deliveries:
            decided += self._take_in(delivery, touched, seconds)
        self._rules().columns.measure(seconds)
        await self._refresh(touched)
        for track in touched.values():
            decided += self._advance(track)
        await self._settle(decided)
        await self._settle([Decided(outcome) for outcome in await self._ends.due(asyncio_now())])
        self._tracks.forget_idle()

    def _take_in(
        self, delivery: Delivery, touched: dict[str, TrackInHand], seconds: list[Second]
    ) -> list[Decided]:
        try:
            message = decode(delivery.stream, delivery.entry)
        except InvalidMessageError as error:
            return [self._dead(delivery, error.message)]
        if isinstance(message, SessionEvent):
            return [] if self._ends.hold(delivery, message) else [Decided(Outcome(delivery))]
        if not isinstance(message, Score | Gap):
            return [Decided(Outcome(delivery))]
        if isinstance(message, Score) and message.granularity is Granularity.UTTERANCE:
            return self._take_utterance(delivery, message, touched)
        track = self._touch(delivery, message, touched)
        second = second_of(message, delivery.entry.fields.get(STEPS, b""))
        verdict = track.reorder.offer(Held(second, delivery.entry.entry_id, (delivery, message)))
        if verdict is Verdict.DOUBLED:
            return [Decided(Outcome(delivery), verdict)]
        seconds.append(second)
        return []

    def _take_utterance(
        self, delivery: Delivery, message: Score, touched: dict[str, TrackInHand]
    ) -> list[Decided]:
        if not self._rules().choose(message.speaker, message.labels).utterances:
            return [Decided(Outcome(delivery))]
        track = self._touch(delivery, message, touched)
        track.utterances.append((utterance_of(message), delivery, message))
        return []

    def _touch(
        self, delivery: Delivery, message: Score | Gap, touched: dict[str, TrackInHand]
    ) -> TrackInHand:
        key = message.partition_key
        track = touched.get(key)
        if track is None:
            track = touched[key] = self._tracks.get(key, message.track, delivery.partition)
        track.touch(message, asyncio_now())
        return track

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
        spoken, track.utterances = track.utterances, []
        return decided + [self._evaluate_utterance(track, each) for each in spoken]

    def _evaluate(self, track: TrackInHand, held: Held[Payload]) -> Decided:
        delivery, message = held.payload
        if track.state is None:  # pragma: no cover - the caller has looked
            raise RuntimeError("a track is evaluated after its state was read")
        try:
            transitions = evaluate(
                self._rules(), track.track, track.state, held.second, self._timing, track.call
            )
        except Exception as error:
            log.exception("a score could not be evaluated", track=track.track.key)
            track.state.next_seq = max(track.state.next_seq, held.second.last + 1)
            return self._dead(delivery, f"evaluation failed: {error!r}", track)
        is_invalid = _has_no_numbers(message, held.second)
        return self._decided(track, delivery, message, transitions, is_invalid=is_invalid)

    def _evaluate_utterance(self, track: TrackInHand, spoken: Spoken) -> Decided:
        utterance, delivery, message = spoken
        if track.state is None:  # pragma: no cover - the caller has looked
            raise RuntimeError("a track is evaluated after its state was read")
        if utterance is None:
            return Decided(Outcome(delivery), is_invalid=True)
        if utterance.number < track.state.next_utterance:
            return Decided(Outcome(delivery), Verdict.DOUBLED)
        try:
            transitions = evaluate_utterance(
                self._rules(), track.track, track.state, utterance, self._timing, track.call
            )
        except Exception as error:
            log.exception("an utterance could not be evaluated", track=track.track.key)
            return self._dead(delivery, f"evaluation failed: {error!r}", track)
        return self._decided(track, delivery, message, transitions)

    def _decided(
        self,
        track: TrackInHand,
        delivery: Delivery,
        message: Score | Gap,
        transitions: list[Transition],
        *,
        is_invalid: bool = False,
    ) -> Decided:
        alerts = [
            Outgoing(ALERTS, build_alert(message, track.track.speaker, transition, utc_now()))
            for transition in transitions
        ]
        return Decided(
            Outcome(delivery, publish=alerts, state=track.saved()),
            Verdict.READY,
            track,
            tuple(transitions),
            message.published_at if isinstance(message, Score) else None,
            is_invalid,
        )

    async def _settle(self, decided: list[Decided]) -> None:
        if not decided:
            return
        settled = await self._broker.settle([item.outcome for item in decided])
        effective = []
        for item, first in zip(decided, settled, strict=True):
            if first:
                effective.append(item)
                continue
            self._metrics.count("settle_lost_total", stream=item.outcome.delivery.stream.name)
            if item.track is not None:
                item.track.doubt()
        self._notes.of(effective)

    def _dead(self, delivery: Delivery, error: str, track: TrackInHand | None = None) -> Decided:
        self._metrics.count("dead_letters_total", stream=delivery.stream.name)
        log.error("a message went to the dead letters", reason=error)
        state = () if track is None else track.saved()
        return Decided(Outcome(delivery, state=state, dead=error), track=track)


def asyncio_now() -> float:
    """The event loop's clock: waits are measured with it, audio time never is."""
    return asyncio.get_running_loop().time()


def _has_no_numbers(message: Score | Gap, second: Second) -> bool:
    if isinstance(message, Gap):
        return False
    return message.probabilities is not None and second.probabilities is None
