"""The tables. Analysts query them by hand: the README lists columns and ready queries.

Rows are only ever added, or completed by a later message of the same session or alert; nothing
depends on the order in which streams are read. What retention and erasure remove, only they remove.
"""

from tonewatch.storage.models._alerts import Alert, AlertTransition
from tonewatch.storage.models._base import Base
from tonewatch.storage.models._evidence import EvidenceClip
from tonewatch.storage.models._operations import AuditEntry, LegalHold
from tonewatch.storage.models._records import (
    POSTERIOR,
    EmotionRecord,
    EmotionSteps,
    Gap,
    Segment,
    Utterance,
    steps_of_record,
)
from tonewatch.storage.models._rollups import (
    PROBABILITY_SUMS,
    SECONDS_OF,
    AlertHour,
    EmotionHour,
    RollupPosition,
    TrackRollup,
)
from tonewatch.storage.models._sessions import Session, Source

__all__ = [
    "POSTERIOR",
    "PROBABILITY_SUMS",
    "SECONDS_OF",
    "Alert",
    "AlertHour",
    "AlertTransition",
    "AuditEntry",
    "Base",
    "EmotionHour",
    "EmotionRecord",
    "EmotionSteps",
    "EvidenceClip",
    "Gap",
    "LegalHold",
    "RollupPosition",
    "Segment",
    "Session",
    "Source",
    "TrackRollup",
    "Utterance",
    "steps_of_record",
]
