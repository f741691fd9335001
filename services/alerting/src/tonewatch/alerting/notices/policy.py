"""The reasons to hold an alert back, and the times to look at it again; pure functions.

The semantics are Alertmanager's where it has the idea (silences, inhibition, grouping, repeat);
cooldown, caps and escalation are for voices, which flare up and calm down within seconds.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from tonewatch.alerting.notices.model import Entry, Hold, HoldReason, rank_of
from tonewatch.alerting.notices.silence import Silence
from tonewatch.alerting.settings import CapOptions, NoticeOptions
from tonewatch.shared.messages import Alert, AlertSubject, Escalation, Priority

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
RECHECK_MS: Final = 30_000
"""How often a muted alert is looked at although nothing has announced a change."""

Held = tuple[Hold, int]
"""A reason, and when to look whether it still holds."""


def agent_of(alert: Alert, options: NoticeOptions) -> str:
    """Whom an alert is about; empty if its labels do not say."""
    # PostgreSQL takes no NUL in a text
    return alert.labels.get(options.agent_label, "").replace("\x00", "")


def group_of(alert: Alert, options: NoticeOptions) -> str:
    """What an alert is grouped by."""
    if options.group_by == "none":
        return f"alert:{alert.alert_id}"
    if options.group_by == "agent" and (agent := agent_of(alert, options)):
        return f"agent:{agent}"
    return f"call:{alert.session_id}"


def cooldown_key_of(alert: Alert, options: NoticeOptions) -> str:
    """What a cooldown is about: a rule on a track or call, or on a stream's source."""
    if alert.subject is AlertSubject.STREAM:
        scope = alert.source_id
    elif options.cooldown_per == "call":
        scope = alert.session_id
    else:
        scope = alert.track.key
    return f"{scope}|{alert.rule}"


def wait_until(entry: Entry, options: NoticeOptions) -> int:
    """When the group is told at the latest: urgent alerts at once, others after a few seconds."""
    if entry.rank >= rank_of(Priority.HIGH):
        return entry.fired_ms
    return entry.fired_ms + _ms(options.group_wait_seconds)


def settled(entry: Entry, now: int) -> Hold | None:
    """A reason for which nobody will be told any more."""
    if entry.is_handled:
        return Hold(HoldReason.ACKNOWLEDGED)
    expires = entry.facts.notice.expires_seconds
    if expires is not None and now > entry.fired_ms + _ms(expires):
        return Hold(HoldReason.EXPIRED)
    return None


def silenced(entry: Entry, silences: Iterable[Silence], now: int) -> Held | None:
    """Whether a silence covers the alert now; the one that lasts longest is named."""
    active = [silence for silence in silences if silence.covers(entry.facts, now)]
    if not active:
        return None
    longest = max(active, key=lambda silence: silence.ends_ms)
    return Hold(HoldReason.SILENCED, longest.silence_id), longest.ends_ms


def inhibited(
    entry: Entry, others: Iterable[Entry], options: NoticeOptions, now: int
) -> Held | None:
    """Whether another alert that fires makes this one moot: its stream is down, or worse is told.

    Unlike in Alertmanager, an alert that is silenced or reaches nobody mutes nothing: otherwise
    nobody would be told of either.

    Args:
        entry: the alert that may be muted.
        others: at least those of the same call, and the stream alerts of the same source.
        options: which kinds of inhibition are on.
        now: the time.
    """
    for other in others:
        if other is not entry and _is_heard(other) and _mutes(other, entry, options):
            return Hold(HoldReason.INHIBITED, other.alert_id), now + RECHECK_MS
    return None


def cooling(entry: Entry, others: Iterable[Entry], now: int) -> Held | None:
    """Whether somebody was told of the same thing a short while ago.

    A cooldown begins with the first successful send and holds what is no more urgent; before that
    nothing is held, or a receiver that is away would swallow the alert.

    Args:
        entry: the alert that may be held.
        others: at least those with the same cooldown key.
        now: the time.
    """
    length = _ms(entry.facts.notice.cooldown_seconds)
    ends = [
        (other.sent_ms + length, other.alert_id)
        for other in others
        if other is not entry
        and other.sent_ms is not None
        and other.cooldown_key == entry.cooldown_key
        and other.rank >= entry.rank
    ]
    end, alert_id = max(ends, default=(0, ""))
    return (Hold(HoldReason.COOLDOWN, alert_id), end) if now < end else None


def caps_on(rule: str, agent: str, options: NoticeOptions) -> Iterator[tuple[str, int, int]]:
    """The caps that a rule's alert counts towards: (key, period, most notices in such a period).

    Args:
        rule: its name.
        agent: whom the alert is about; empty if nobody knows.
        options: the caps.
    """
    caps: CapOptions = options.caps
    key = f"rule:{rule}"
    about = [(key, MINUTE_MS, caps.rule_per_minute), (key, HOUR_MS, caps.rule_per_hour)]
    if agent:
        key = f"agent:{agent}"
        about += [(key, MINUTE_MS, caps.agent_per_minute), (key, HOUR_MS, caps.agent_per_hour)]
    for key, period, most in about:
        if most is not None:
            yield key, period, most


def caps_of(alert: Alert, options: NoticeOptions) -> Iterator[tuple[str, int, int]]:
    """The caps that an alert counts towards."""
    return caps_on(alert.rule, agent_of(alert, options), options)


def flooding(
    entry: Entry, marks: Mapping[str, Sequence[int]], options: NoticeOptions, now: int
) -> Held | None:
    """Whether a cap is reached; then when there is room again.

    Args:
        entry: the alert that may be held.
        marks: the times of notices by cap key, ascending, of the last hour at least.
        options: the caps.
        now: the time.
    """
    spare = options.caps.spare
    if spare is not None and entry.rank >= rank_of(spare):
        return None
    full = []
    for key, period, most in caps_of(entry.facts, options):
        recent = [mark for mark in marks.get(key, ()) if mark > now - period]
        if len(recent) >= most:
            full.append((recent[-most] + period, key))
    if not full:
        return None
    room, key = max(full)
    return Hold(HoldReason.FLOOD, key), room


def due_escalation(entry: Entry, options: NoticeOptions) -> tuple[int, Escalation] | None:
    """The next escalation of an alert that was told and that nobody has taken up."""
    steps = sorted(entry.facts.notice.escalate, key=lambda step: step.after_seconds)
    is_emotion = entry.facts.subject is AlertSubject.EMOTION
    is_over = entry.resolved is not None and not (is_emotion and options.escalate_resolved)
    if (
        entry.told_ms is None
        or entry.is_handled
        or entry.is_review
        or is_over
        or entry.escalations >= len(steps)
    ):
        return None
    step = steps[entry.escalations]
    return entry.told_ms + _ms(step.after_seconds), step


def due_repeat(entry: Entry) -> int | None:
    """When an alert that fires on and that nobody has taken up is told again."""
    repeat = entry.facts.notice.repeat_seconds
    if (
        repeat is None
        or entry.last_told_ms is None
        or entry.is_handled
        or entry.is_review
        or not entry.is_firing
    ):
        return None
    return entry.last_told_ms + _ms(repeat)


def next_look(entry: Entry, options: NoticeOptions) -> int | None:
    """When an alert that was told is to be looked at again."""
    escalation = due_escalation(entry, options)
    times = [due_repeat(entry), None if escalation is None else escalation[0]]
    return min((time for time in times if time is not None), default=None)


def may_mute(alert: Alert) -> bool:
    """Whether an alert is of a kind that mutes others."""
    return alert.subject is AlertSubject.STREAM or alert.priority is Priority.CRITICAL


def _is_heard(other: Entry) -> bool:
    """Whether an alert goes on and people are, or were, told of it or of its like."""
    unheard = {HoldReason.SILENCED, HoldReason.EXPIRED, HoldReason.NO_RECEIVER}
    is_unheard = other.hold is not None and other.hold.reason in unheard
    return other.is_firing and not other.closed and not is_unheard


def _mutes(other: Entry, entry: Entry, options: NoticeOptions) -> bool:
    if entry.facts.subject is not AlertSubject.EMOTION:
        return False
    if other.facts.subject is AlertSubject.STREAM:
        return options.inhibit_by_stream and other.facts.source_id == entry.facts.source_id
    return (
        options.inhibit_by_critical
        # what asks for a look later competes with nothing that asks for action now
        and not entry.is_review
        and not other.is_review
        and other.facts.subject is AlertSubject.EMOTION
        and other.facts.priority is Priority.CRITICAL
        and entry.rank < other.rank
        and other.facts.session_id == entry.facts.session_id
    )


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
