"""Where audio comes from: sources, and their sessions."""

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from tonewatch.storage.columns import BigKey
from tonewatch.storage.models._base import Base, Key, Name, Short


class Source(Base):
    """A configured origin of audio, as its sessions have told of it."""

    __tablename__ = "sources"

    source_id: Mapped[str] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(Name)  # of its newest session, like the two below
    kind: Mapped[str] = mapped_column(String(32))
    labels: Mapped[dict[str, str]]
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]


class Session(Base):
    """One unbroken run of a source: a call, a publish, a file."""

    __tablename__ = "sessions"
    __table_args__ = (
        Index(None, "started_at", "session_id"),
        Index(None, "source_id", "started_at"),
        Index(None, "agent_id", "started_at"),
        Index(None, "queue", "started_at"),
        Index(None, "name", "session_id"),
    )

    session_id: Mapped[str] = mapped_column(Key, primary_key=True)
    source_id: Mapped[str] = mapped_column(Key)
    name: Mapped[str] = mapped_column(Name)
    kind: Mapped[str] = mapped_column(String(32))
    lane: Mapped[str] = mapped_column(Short)
    speakers: Mapped[list[str]]  # whose voice each track carries; empty until announced
    labels: Mapped[dict[str, str]]
    agent_id: Mapped[str | None] = mapped_column(Name)
    queue: Mapped[str | None] = mapped_column(Name)
    state: Mapped[str] = mapped_column(Short)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    frames: Mapped[int | None] = mapped_column(BigKey)  # of each track
    reason: Mapped[str] = mapped_column(String(512))
