"""The messages that travel between services: pydantic models, and nothing else is imported here.

On the wire a message is one JSON header (the model) and, beside it, raw binary fields (PCM, score
matrices). Binary data is never base64 and never inside the JSON.

A model ignores unknown fields, so that an older consumer reads a newer producer within one major
schema version `v`; a consumer that meets a larger `v` dead-letters the message instead of guessing.
"""

from tonewatch.shared.messages._alert import (
    Alert,
    AlertAction,
    AlertState,
    AlertSubject,
    Escalation,
    NoticePolicy,
    Priority,
)
from tonewatch.shared.messages._base import (
    SCHEMA_VERSION,
    LabelName,
    Labels,
    Message,
    Speaker,
    Track,
)
from tonewatch.shared.messages._frame import (
    FRAME_BYTES,
    FRAME_SAMPLES,
    SAMPLE_RATE_HZ,
    Frame,
    Lane,
    UtteranceMark,
)
from tonewatch.shared.messages._score import Gap, GapReason, Granularity, Score
from tonewatch.shared.messages._session import SessionEvent, SessionState

__all__ = [
    "FRAME_BYTES",
    "FRAME_SAMPLES",
    "SAMPLE_RATE_HZ",
    "SCHEMA_VERSION",
    "Alert",
    "AlertAction",
    "AlertState",
    "AlertSubject",
    "Escalation",
    "Frame",
    "Gap",
    "GapReason",
    "Granularity",
    "LabelName",
    "Labels",
    "Lane",
    "Message",
    "NoticePolicy",
    "Priority",
    "Score",
    "SessionEvent",
    "SessionState",
    "Speaker",
    "Track",
    "UtteranceMark",
]
