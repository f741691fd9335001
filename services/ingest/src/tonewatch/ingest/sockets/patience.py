"""How long to wait for a sender, and how to hold back one that is too fast.

Bytes that are no audio worth the name do not count: a sender that keeps a connection open with a
byte now and then is as dead as one that sends nothing.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from tonewatch.ingest.sockets.events import Audio

LEAST_AUDIO_SECONDS: Final = 0.1
"""So much audio has to come within the time after which a stream is dead."""
SAMPLE_BYTES: Final = 2


class Patience:
    """The clock of one connection."""

    def __init__(
        self,
        *,
        hello_seconds: float,
        stall_seconds: float,
        ahead_seconds: float,
        now: Callable[[], float],
    ) -> None:
        self._hello_seconds = hello_seconds
        self._stall_seconds = stall_seconds
        self._ahead_seconds = ahead_seconds
        self._now = now
        self._channels = 0
        self._heard_seconds = 0.0
        self._began = now()
        self.until = now() + hello_seconds
        """When to give up."""

    @property
    def complaint(self) -> str:
        """What to say then."""
        if not self._channels:
            return f"nothing said whose audio this is within {self._hello_seconds:g} s"
        return f"no audio for {self._stall_seconds:g} s"

    def started(self, channels: int) -> None:
        """The sender said what it will send."""
        self._channels = channels
        self._listen()

    def heard(self, audio: Audio) -> None:
        """Audio came in."""
        channels = self._channels if audio.channel is None else 1
        self._heard_seconds += len(audio.pcm) / (SAMPLE_BYTES * channels * audio.rate_hz)
        if self._heard_seconds >= LEAST_AUDIO_SECONDS:
            self._listen()

    def began(self) -> None:
        """The session begins: from here on, audio may not run far ahead of real time."""
        self._began = self._now()

    async def pace(self, session_seconds: float) -> None:
        """Hold back what comes faster than real time, beyond an allowance."""
        ahead = session_seconds - (self._now() - self._began) - self._ahead_seconds
        if ahead > 0:
            await asyncio.sleep(ahead)
            self._listen()

    def _listen(self) -> None:
        self._heard_seconds = 0.0
        self.until = self._now() + self._stall_seconds
