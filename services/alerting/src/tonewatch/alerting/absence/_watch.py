"""The loop that looks, every second, for streams that are down and for scores that do not come."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from tonewatch.alerting.absence._alerts import Gone, lag_alert, over, stream_alert
from tonewatch.alerting.absence._journal import REPEAT_AFTER, Journal, Tail
from tonewatch.alerting.absence._sources import Sources
from tonewatch.alerting.absence._streams import broken, gone_silent, silent_tracks, up_again
from tonewatch.alerting.engine import CompiledRule, CompiledRules, Kind
from tonewatch.alerting.in_force import RulesInForce
from tonewatch.alerting.rules import LoadedRules
from tonewatch.alerting.tracks import Tracks
from tonewatch.shared.broker import Broker, Outgoing
from tonewatch.shared.clock import utc_now
from tonewatch.shared.logging import get_logger
from tonewatch.shared.messages import Alert, AlertSubject, Speaker
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.runtime import wait_for_stop
from tonewatch.shared.streams import ALERTS, FRAMES, SESSIONS

LOOK_SECONDS: Final = 1.0
CAUGHT_UP: Final = 0.5
"""Inference lags no more when the oldest frame waits for less than this share of the limit."""

KINDS: Final = {
    AlertSubject.STREAM: Kind.STREAM_DOWN,
    AlertSubject.INFERENCE: Kind.INFERENCE_LAG,
}

log = get_logger(__name__)


class AbsenceWatch:
    """Publishes alerts with subject `stream` and `inference`, for the rules that ask for them."""

    def __init__(
        self,
        broker: Broker,
        tracks: Tracks,
        rules: Callable[[], LoadedRules],
        metrics: Metrics,
    ) -> None:
        self._broker = broker
        self._tracks = tracks
        self._rules = RulesInForce(rules)
        self._metrics = metrics
        self._begin()

    async def watch_absence(self, stop: asyncio.Event) -> None:
        """Look until stopped."""
        self._begin()
        while not await wait_for_stop(stop, LOOK_SECONDS):
            await self.look()

    async def look(self) -> None:
        """Look once, and publish what has changed."""
        rules = self._rules()
        self._journal.read(await self._alerts.new())
        self._sources.read(await self._sessions.new())
        streams, lags = rules.of_kind(Kind.STREAM_DOWN), rules.of_kind(Kind.INFERENCE_LAG)
        if not (streams or lags or self._journal.open):
            return
        now = utc_now()
        now_ms = await self._broker.now_ms()
        oldest = await self._oldest_ms()
        idle = self._idle_seconds({p: (now_ms - ms) / 1000 for p, ms in oldest.items()})
        said = await self._streams_down(rules, streams, idle, now)
        oldest_ms = min(oldest.values(), default=now_ms)
        waits_seconds = (now_ms - oldest_ms) / 1000
        said += self._lagging(lags, oldest_ms, waits_seconds, now)
        said += self._over(rules, idle, waits_seconds, now)
        await self._publish(said, now)

    def _begin(self) -> None:
        self._alerts, self._sessions = Tail(self._broker, ALERTS), Tail(self._broker, SESSIONS)
        self._journal, self._sources = Journal(), Sources()
        self._said_at: dict[str, datetime] = {}

    async def _oldest_ms(self) -> dict[int, int]:
        """By partition, when its oldest live frame that waits to be scored was published."""
        return {
            state.partition: state.oldest_unsettled_ms
            for state in await self._broker.group_states(FRAMES)
            if state.oldest_unsettled_ms is not None
        }

    def _idle_seconds(self, waits: dict[int, float]) -> dict[str, float]:
        """For how long each track brought nothing for sure: what waits to be scored may be its."""
        now = asyncio.get_running_loop().time()
        return {
            track.key: now - track.touched_at - max(0.0, waits.get(track.partition, 0.0))
            for track in self._tracks
        }

    async def _streams_down(
        self,
        rules: CompiledRules,
        streams: tuple[CompiledRule, ...],
        idle: dict[str, float],
        now: datetime,
    ) -> list[Alert]:
        if not streams:
            return []
        least = min(rule.needed_seconds for rule in streams)
        silent = silent_tracks(self._tracks, self._sources, idle, least)
        before = {track.key: track.state and track.state.next_seq for track in silent}
        await self._tracks.load(silent)  # another replica may hear them
        gone = [
            *broken(self._sources),
            *(
                gone_silent(track, now - timedelta(seconds=idle[track.key]))
                for track in silent
                if track.state is not None and track.state.next_seq == before[track.key]
            ),
        ]
        return [
            alert
            for each in gone
            for rule in rules.choose(Speaker.MIXED, each.labels).stream_down
            if (alert := self._down(rule, each, now)) is not None
        ]

    def _down(self, rule: CompiledRule, gone: Gone, now: datetime) -> Alert | None:
        if (now - gone.since).total_seconds() <= rule.needed_seconds:
            return None
        if self._journal.has(rule.name, gone.session_id) or not _at_work(rule, gone.since):
            return None
        alert = stream_alert(rule, gone)
        return None if self._journal.knows(alert.alert_id) else alert

    def _lagging(
        self,
        lags: tuple[CompiledRule, ...],
        oldest_ms: int,
        waits_seconds: float,
        now: datetime,
    ) -> list[Alert]:
        since = now - timedelta(seconds=waits_seconds)
        alerts = [
            lag_alert(rule, oldest_ms, since, waits_seconds)
            for rule in lags
            if waits_seconds > rule.needed_seconds
            and not self._journal.has(rule.name)
            and _at_work(rule, since)
        ]
        return [alert for alert in alerts if not self._journal.knows(alert.alert_id)]

    def _over(
        self, rules: CompiledRules, idle: dict[str, float], waits_seconds: float, now: datetime
    ) -> list[Alert]:
        resolved = []
        for alert in self._journal.open.values():
            rule = rules.by_name.get(alert.rule)
            at: datetime | None = None
            if rule is None or rule.kind is not KINDS[alert.subject]:
                at = now
            elif alert.subject is AlertSubject.STREAM:
                at = up_again(alert, self._sources, self._tracks, idle, now)
            elif waits_seconds <= CAUGHT_UP * rule.needed_seconds:
                at = now
            if at is not None:
                resolved.append(over(alert, at))
        return resolved

    async def _publish(self, said: list[Alert], now: datetime) -> None:
        for alert in said:
            self._metrics.count("alerts_total", state=alert.state, priority=alert.priority)
            log.info("alert", state=alert.state, rule=alert.rule, alert_id=alert.alert_id)
            self._said_at[alert.alert_id] = now
        over_now = {alert.alert_id for alert in said}
        self._said_at = {
            alert_id: self._said_at.get(alert_id, now)
            for alert_id in (*self._journal.open, *over_now)
        }
        again = [
            alert
            for alert_id, alert in self._journal.open.items()
            if alert_id not in over_now and now - self._said_at[alert_id] > REPEAT_AFTER
        ]
        self._said_at.update((alert.alert_id, now) for alert in again)
        await self._broker.publish([Outgoing(ALERTS, alert) for alert in (*said, *again)])


def _at_work(rule: CompiledRule, moment: datetime) -> bool:
    return rule.active_time is None or rule.active_time.contains(moment)
