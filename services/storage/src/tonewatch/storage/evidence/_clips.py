"""The clips that are kept: written, read, and removed with their sessions or in their time."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, exists, select

from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import NotFoundError
from tonewatch.shared.messages import SAMPLE_RATE_HZ
from tonewatch.shared.messages import Alert as AlertMessage
from tonewatch.shared.runtime import wait_for_stop
from tonewatch.storage.completing import insert
from tonewatch.storage.database import Database
from tonewatch.storage.evidence._ciphers import Cipher
from tonewatch.storage.evidence._flac import encode_flac
from tonewatch.storage.evidence._frames import Audio
from tonewatch.storage.evidence._places import Place
from tonewatch.storage.models import EvidenceClip, Session
from tonewatch.storage.retention import is_held

KEPT: Final = "kept"
MISSED: Final = "missed"
SWEEP_SECONDS: Final = 60.0
SWEEP_ROWS: Final = 200
GRACE: Final = timedelta(hours=1)
"""A clip may be there before the row of its session, which waits while the database is away."""

_BYTES_PER_SECOND: Final = 2 * SAMPLE_RATE_HZ


class Clips:
    """Files in a place, and a row about each in the database."""

    def __init__(
        self, database: Database, place: Place, cipher: Cipher, *, retention: timedelta
    ) -> None:
        self._database = database
        self._place = place
        self._cipher = cipher
        self._retention = retention

    async def keep(self, alert: AlertMessage, audio: Audio | None) -> None:
        """Write the clip, then its row; the same again changes nothing.

        Raises:
            UnavailableError: the place or the database does not serve now.
        """
        location, size = None, 0
        if audio is not None:
            kept = await asyncio.to_thread(self._encoded, audio.pcm)
            location, size = _location(alert), len(kept)
            await self._place.put(location, kept)
        async with self._database.write() as connection:
            await insert(connection, EvidenceClip, [self._row(alert, audio, location, size)])

    async def find(self, alert_id: str) -> EvidenceClip | None:
        """The row about an alert's clip."""
        async with self._database.read() as session:
            return await session.get(EvidenceClip, alert_id)

    async def read(self, alert_id: str) -> bytes:
        """The clip as a FLAC file.

        Raises:
            NotFoundError: there is none; the message says why.
            PlaceUnavailableError: it cannot be read now.
            ClipUnreadableError: it cannot be decrypted.
        """
        row = await self.find(alert_id)
        if row is None or row.location is None:
            why = row.detail if row is not None else "none was asked for, or it was removed"
            raise NotFoundError(f"alert {alert_id} has no clip: {why}")
        kept = await self._place.get(row.location)
        return await asyncio.to_thread(self._cipher.decrypt, kept) if row.encrypted else kept

    async def remove(self, sessions: Sequence[str]) -> int:
        """Remove all clips of these sessions; returns how many files there were."""
        removed = 0
        for start in range(0, len(sessions), SWEEP_ROWS):
            removed += await self._remove_where(
                EvidenceClip.session_id.in_(sessions[start : start + SWEEP_ROWS])
            )
        return removed

    async def sweep(self, now: datetime) -> int:
        """Remove a number of clips that are past their time or whose session is gone."""
        no_session = ~exists().where(Session.session_id == EvidenceClip.session_id)
        orphaned = (EvidenceClip.created_at < now - GRACE) & no_session
        held = EvidenceClip.session_id.in_(select(Session.session_id).where(is_held()))
        expired = (EvidenceClip.created_at < now - self._retention) & ~held
        return await self._remove_where(expired | orphaned)

    async def run(self, stop: asyncio.Event) -> None:
        """The loop that sweeps."""
        while not stop.is_set():
            if await self.sweep(utc_now()) < SWEEP_ROWS:
                await wait_for_stop(stop, SWEEP_SECONDS)

    async def _remove_where(self, condition: ColumnElement[bool]) -> int:
        """Files first: a row without its file is found again, a file without its row is not."""
        query = select(EvidenceClip.alert_id, EvidenceClip.location).where(condition)
        async with self._database.read() as session:
            rows = (await session.execute(query.limit(SWEEP_ROWS))).all()
        for _, location in rows:
            if location is not None:
                await self._place.remove(location)
        if rows:
            async with self._database.write() as connection:
                await connection.execute(
                    delete(EvidenceClip).where(EvidenceClip.alert_id.in_([r[0] for r in rows]))
                )
        return len(rows)

    def _encoded(self, pcm: bytes) -> bytes:
        return self._cipher.encrypt(encode_flac(pcm))

    def _row(
        self, alert: AlertMessage, audio: Audio | None, location: str | None, size: int
    ) -> dict[str, Any]:
        found = audio or Audio(alert.first_seq, alert.last_seq, alert.started_at, b"", 0)
        detail = f"{found.lost_seconds} s are silent: they were lost" if found.lost_seconds else ""
        return {
            "alert_id": alert.alert_id,
            "session_id": alert.session_id,
            "speaker": alert.speaker.value,
            "state": MISSED if audio is None else KEPT,
            "first_seq": found.first_seq,
            "last_seq": found.last_seq,
            "started_at": None if audio is None else found.started_at,
            "seconds": len(found.pcm) / _BYTES_PER_SECOND,
            "location": location,
            "encrypted": location is not None and self._cipher.is_on,
            "size_bytes": size,
            "detail": "its audio was not on the stream any more" if audio is None else detail,
            "created_at": utc_now(),
        }


def _location(alert: AlertMessage) -> str:
    """A name that no alert can bend: ids of sessions and alerts come from outside."""
    day = alert.started_at.strftime("%Y-%m-%d")
    return f"{day}/{hashlib.sha256(alert.alert_id.encode()).hexdigest()[:32]}.flac"
