"""What people did: the audit log, and legal holds."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from tonewatch.storage.columns import BigKey, Json
from tonewatch.storage.models._base import Base, Key, Name


class AuditEntry(Base):
    """Something that a person or a schedule did to what is stored; never changed, never removed."""

    __tablename__ = "audit_log"
    __table_args__ = (Index(None, "at"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(Name)
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(Name)
    detail: Mapped[dict[str, Any]] = mapped_column(Json)


class LegalHold(Base):
    """Nothing of these sessions is removed until the hold is released.

    A hold speaks of one session, or of all that carry a label with this value, now or later.
    """

    __tablename__ = "legal_holds"

    hold_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    session_id: Mapped[str | None] = mapped_column(Key)
    label_name: Mapped[str | None] = mapped_column(String(64))
    label_value: Mapped[str | None] = mapped_column(Name)
    reason: Mapped[str] = mapped_column(String(512))
    placed_by: Mapped[str] = mapped_column(Name)
    placed_at: Mapped[datetime]
    released_by: Mapped[str | None] = mapped_column(Name)
    released_at: Mapped[datetime | None]
