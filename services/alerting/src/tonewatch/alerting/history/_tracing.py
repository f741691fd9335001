"""Why did it not fire: one rule over one stored track, second by second."""

import asyncio
from dataclasses import dataclass

from tonewatch.alerting.engine import (
    Call,
    CompiledRules,
    Timing,
    TracedSecond,
    compile_rules,
    trace,
)
from tonewatch.alerting.history._backtest import cannot_replay
from tonewatch.alerting.history._client import HistoryClient, StoredSession
from tonewatch.alerting.history._tracks import seconds_of
from tonewatch.alerting.rules import Rule, parse_matcher
from tonewatch.shared.errors import InvalidInputError
from tonewatch.shared.messages import Speaker, Track


@dataclass(frozen=True, slots=True)
class TracedSession:
    """What a rule saw, voice by voice; if it looks at none of them, `why_not` says why."""

    tracks: dict[str, list[TracedSecond]]
    why_not: tuple[str, ...]

    @property
    def applies(self) -> bool:
        """Whether the rule looks at any voice of the call."""
        return bool(self.tracks)


async def trace_session(
    client: HistoryClient, rule: Rule, session_id: str, speaker: Speaker | None, timing: Timing
) -> TracedSession:
    """Every track of the session (or one) as the rule saw it.

    Raises:
        InvalidInputError: the rule looks at what no second tells.
        NotFoundError: storage has no such session.
        UnavailableError: storage does not answer.
    """
    if reason := cannot_replay(rule):
        raise InvalidInputError(f'"{rule.name}" cannot be traced: {reason}')
    session = await client.session(session_id)
    rules = compile_rules([rule.model_copy(update={"enabled": True})])
    wanted = [each for each in session.speakers if speaker in {None, each}]
    why_not = _why_not(rule, session)
    tracks: dict[str, list[TracedSecond]] = {}
    for each in wanted:
        if rules.choose(each, session.labels).names:
            tracks[each.value] = await _track(client, rules, session, each, timing)
    return TracedSession(tracks, tuple(why_not))


async def _track(
    client: HistoryClient,
    rules: CompiledRules,
    session: StoredSession,
    speaker: Speaker,
    timing: Timing,
) -> list[TracedSecond]:
    stored = await client.track(session, speaker)
    if stored is None:
        return []
    track = Track(session_id=session.session_id, speaker=speaker)
    call = Call(session.source_id, session.labels)
    seconds = seconds_of(stored)
    return await asyncio.to_thread(lambda: list(trace(rules, track, seconds, timing, call)))


def _why_not(rule: Rule, session: StoredSession) -> list[str]:
    """What keeps the rule from looking at the call, or a part of it."""
    reasons = [] if rule.enabled else ["the rule is disabled (it is traced as if it were enabled)"]
    if rule.speaker is not None and rule.speaker not in session.speakers:
        there = ", ".join(session.speakers) or "none"
        reasons.append(f"the rule is for {rule.speaker}; the call has {there}")
    for text in rule.match:
        matcher = parse_matcher(text)
        if not matcher.matches(session.labels):
            value = session.labels.get(matcher.label, "")
            reasons.append(f'{text} does not match: {matcher.label} is "{value}"')
    return reasons
