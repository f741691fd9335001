"""From the engine's transitions to the messages that everybody else reads."""

from datetime import datetime

from tonewatch.alerting.engine import Transition
from tonewatch.shared.messages import Alert, Message, Speaker


def build_alert(cause: Message, speaker: Speaker, transition: Transition, now: datetime) -> Alert:
    """The alert; session, source and labels are those of the message that caused it."""
    facts = transition.facts
    return Alert(
        traceparent=cause.traceparent,
        session_id=cause.session_id,
        source_id=cause.source_id,
        labels=cause.labels,
        speaker=speaker,
        alert_id=facts.alert_id,
        state=transition.state,
        rule=transition.rule,
        priority=facts.priority,
        channels=facts.channels,
        emotions=facts.emotions,
        value=transition.value,
        threshold=facts.threshold,
        first_seq=transition.first_seq,
        last_seq=transition.last_seq,
        started_at=transition.started_at,
        at=transition.at,
        decided_at=now,
        message=facts.message,
        action=facts.action,
        subject=facts.subject,
        notice=facts.notice,
    )
