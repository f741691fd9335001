"""Whose voice is kept: nobody's, unless somebody asked for it."""

from typing import Final

from tonewatch.shared.messages import Alert, AlertState, AlertSubject
from tonewatch.storage.consent import consents
from tonewatch.storage.evidence._options import EvidenceOptions

LABEL: Final = "evidence"


def wants_clip(alert: Alert, options: EvidenceOptions) -> bool:
    """Whether this transition of an alert is to be kept as a clip."""
    if alert.state is not AlertState.FIRING or alert.subject is not AlertSubject.EMOTION:
        return False
    label = alert.labels.get(LABEL)
    return consents(options.sources, options.speakers, label, alert.speaker)
