"""Who may listen, who does, and that it is written down."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from tonewatch.shared.broker import Broker
from tonewatch.shared.errors import BrokerUnavailableError, ForbiddenError, UnavailableError
from tonewatch.shared.logging import get_logger
from tonewatch.shared.messages import FRAME_BYTES, Speaker, Track
from tonewatch.shared.metrics import Metrics
from tonewatch.storage.audit import record
from tonewatch.storage.consent import consents
from tonewatch.storage.database import Database
from tonewatch.storage.listening._live import live_seconds, wav_head
from tonewatch.storage.listening._options import ListeningOptions

LABEL: Final = "listen"
QUIET_SECONDS: Final = 3.0
"""After so long without audio a little silence is sent, or a proxy between would give up."""
SILENCE: Final = bytes(FRAME_BYTES // 10)

log = get_logger(__name__)


class Listeners:
    """Lets people listen to live calls, as far as the operator and the sources allow it."""

    def __init__(
        self, broker: Broker, database: Database, metrics: Metrics, options: ListeningOptions
    ) -> None:
        self._broker = broker
        self._database = database
        self._metrics = metrics
        self._options = options
        self._count = 0
        self._closed = False
        self._metrics.set("listeners", 0)

    def may_be_heard(self, labels: Mapping[str, str], speakers: Sequence[Speaker]) -> list[Speaker]:
        """Which of a session's speakers may be listened to."""
        options, label = self._options, labels.get(LABEL)
        return [
            speaker
            for speaker in speakers
            if consents(options.sources, options.speakers, label, speaker)
        ]

    async def listen(
        self, track: Track, labels: Mapping[str, str], who: str
    ) -> AsyncIterator[bytes]:
        """The track's audio from now on, as a WAV file; written into the audit log first.

        Raises:
            ForbiddenError: this voice may not be listened to.
            UnavailableError: too many listen already.
            DatabaseUnavailableError: it cannot be written down, so it does not happen.
        """
        if not self.may_be_heard(labels, [track.speaker]):
            raise ForbiddenError(
                f"the {track.speaker} of this call may not be listened to: the operator allows it "
                f"by the label `{LABEL}` of the source and the setting `storage.listening`"
            )
        if self._count >= self._options.most:
            raise UnavailableError(
                f"{self._count} people listen already, as many as `storage.listening.most` allows"
            )
        async with self._database.write() as connection:
            detail = {"speaker": track.speaker.value}
            await record(connection, who, "call.listen", track.session_id, detail)
        return self._audio(track, who)

    async def run(self, stop: asyncio.Event) -> None:
        """Let everybody go when the service stops, or its server would wait for them."""
        await stop.wait()
        self._closed = True

    async def _audio(self, track: Track, who: str) -> AsyncIterator[bytes]:
        seconds, sent_at = 0, time.monotonic()
        self._changed(1)
        try:
            yield wav_head()
            async for pcm in live_seconds(self._broker, track, lambda: not self._closed):
                if pcm or time.monotonic() - sent_at > QUIET_SECONDS:
                    seconds += bool(pcm)
                    sent_at = time.monotonic()
                    yield pcm or SILENCE
        except BrokerUnavailableError as error:
            log.warning("listening ends", session=track.session_id, reason=error.message)
        finally:
            self._changed(-1)
            log.info(
                "listened",
                who=who,
                session=track.session_id,
                speaker=track.speaker,
                seconds=seconds,
            )

    def _changed(self, by: int) -> None:
        self._count += by
        self._metrics.set("listeners", self._count)
