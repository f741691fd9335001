"""Sessions: one unbroken run of a source, from its first sample to its announced end."""

from tonewatch.ingest.sessions.ledger import Ledger, OpenSession
from tonewatch.ingest.sessions.recovery import close_left_open
from tonewatch.ingest.sessions.session import Session, Sessions

__all__ = ["Ledger", "OpenSession", "Session", "Sessions", "close_left_open"]
