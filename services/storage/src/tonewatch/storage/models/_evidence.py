"""What was cut out of the audio, and where it lies."""

from datetime import datetime

from sqlalchemy import Index, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from tonewatch.storage.columns import BigKey
from tonewatch.storage.models._base import Base, Key, Short


class EvidenceClip(Base):
    """The audio around one alert, or why there is none."""

    __tablename__ = "evidence_clips"
    __table_args__ = (Index(None, "session_id"), Index(None, "created_at"))

    alert_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    session_id: Mapped[str] = mapped_column(Key)
    speaker: Mapped[str] = mapped_column(Short)
    state: Mapped[str] = mapped_column(Short)  # kept, missed (no audio left), removed
    first_seq: Mapped[int] = mapped_column(BigKey)
    last_seq: Mapped[int] = mapped_column(BigKey)
    started_at: Mapped[datetime | None]  # wall time of its first sample
    seconds: Mapped[float]
    location: Mapped[str | None] = mapped_column(Text)  # path below the folder or bucket of clips
    encrypted: Mapped[bool] = mapped_column(server_default=false())
    size_bytes: Mapped[int] = mapped_column(BigKey)
    detail: Mapped[str] = mapped_column(String(512))
    created_at: Mapped[datetime]
