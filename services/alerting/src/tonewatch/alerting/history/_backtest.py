"""What rules would have fired over stored sessions, found track by track."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Final

from tonewatch.alerting.engine import Call, Stored, Timing, Transition, compile_rules, replay
from tonewatch.alerting.history._client import HistoryClient, SessionQuery, StoredSession
from tonewatch.alerting.rules import NoDataKind, Rule
from tonewatch.shared.errors import InvalidInputError
from tonewatch.shared.messages import AlertState, Granularity, Speaker, Track

MAX_LISTED: Final = 10_000
PROGRESS_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestOptions:
    """How far a backtest goes; `fine` reads the steps inside seconds, which is slow and exact."""

    most_sessions: int = 1000
    most_seconds: float = 600.0
    fine: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """An alert that would have fired; `resolved` is None only if the track never ended."""

    session: StoredSession
    speaker: Speaker
    fired: Transition
    resolved: Transition | None


@dataclass(slots=True)
class Progress:
    """How far it is; `why_stopped` is empty when it saw everything."""

    sessions: int = 0
    tracks: int = 0
    seconds: int = 0
    alerts: int = 0
    by_rule: Counter[str] = field(default_factory=Counter)
    done: bool = False
    why_stopped: str = ""


class Backtest:
    """One run of some rules over history."""

    def __init__(
        self,
        client: HistoryClient,
        rules: Sequence[Rule],
        timing: Timing,
        options: BacktestOptions | None = None,
    ) -> None:
        """Prepare a run.

        Raises:
            InvalidInputError: a rule looks at what no second tells.
        """
        for rule in rules:
            if reason := cannot_replay(rule):
                raise InvalidInputError(f'"{rule.name}" cannot be run over history: {reason}')
        # a draft that is switched off is tried as if it were on
        self._rules = compile_rules([rule.model_copy(update={"enabled": True}) for rule in rules])
        self._client = client
        self._timing = timing
        self._options = options or BacktestOptions()
        self.progress = Progress(by_rule=Counter({rule.name: 0 for rule in rules}))

    async def run(self, query: SessionQuery) -> AsyncGenerator[Found | Progress, None]:
        """Alerts as they are found, and from time to time how far it is; last, the whole of it.

        Raises:
            UnavailableError: storage does not answer.
        """
        progress, started = self.progress, time.monotonic()
        told = started
        async for session in self._client.sessions(query):
            now = time.monotonic()
            if now - started > self._options.most_seconds:
                progress.why_stopped = f"the time of {self._options.most_seconds:g} s was over"
            elif progress.sessions >= self._options.most_sessions:
                progress.why_stopped = f"it stops after {self._options.most_sessions} sessions"
            if progress.why_stopped:
                break
            for found in await self._session(session):
                yield found
            if now - told >= PROGRESS_SECONDS:
                told = now
                yield progress
        progress.done = True
        yield progress

    async def _session(self, session: StoredSession) -> list[Found]:
        found = []
        for speaker in session.speakers:
            if not self._rules.choose(speaker, session.labels).names:
                continue
            stored = await self._client.track(session, speaker, fine=self._options.fine)
            if stored is None:
                continue
            said = await asyncio.to_thread(self._replay, session, speaker, stored)
            self.progress.tracks += 1
            self.progress.seconds += len(stored)
            found += _pairs(session, speaker, said)
        self.progress.sessions += 1
        room = MAX_LISTED - self.progress.alerts
        self.progress.alerts += len(found)
        self.progress.by_rule.update(each.fired.rule for each in found)
        return found[: max(0, room)]

    def _replay(self, session: StoredSession, speaker: Speaker, stored: Stored) -> list[Transition]:
        track = Track(session_id=session.session_id, speaker=speaker)
        call = Call(session.source_id, session.labels)
        return replay(self._rules, track, stored, self._timing, call)


def _pairs(session: StoredSession, speaker: Speaker, said: list[Transition]) -> list[Found]:
    over = {each.facts.alert_id: each for each in said if each.state is AlertState.RESOLVED}
    return [
        Found(session, speaker, fired, over.get(fired.facts.alert_id))
        for fired in said
        if fired.state is AlertState.FIRING
    ]


def cannot_replay(rule: Rule) -> str:
    """Why a rule cannot be run over stored seconds; empty if it can."""
    if rule.granularity is Granularity.UTTERANCE:
        return "granularity utterance (history is replayed second by second)"
    if rule.no_data is not None and rule.no_data.kind is not NoDataKind.SILENCE:
        return f"{rule.no_data.kind} is judged by the clock, not by what was heard"
    return ""
