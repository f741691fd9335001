"""From a connection's audio to the tracks of a session: who speaks, who may be heard, 16 kHz."""

from collections.abc import Iterator

import numpy as np

from tonewatch.ingest.sockets.events import Audio, Started
from tonewatch.ingest.sockets.resampler import Resampler
from tonewatch.ingest.sources import Layout, Voices
from tonewatch.shared.errors import InvalidInputError
from tonewatch.shared.messages import Speaker

SAMPLE_BYTES = 2
STEREO = 2


def agreed(voices: Voices, started: Started) -> Voices:
    """Who speaks where, by the source and by what the sender said.

    Raises:
        InvalidInputError: the two contradict each other, or the audio lacks the channels.
    """
    layout = voices.layout
    if layout is Layout.MIXED:
        layout = started.layout or started.usual_layout
    elif started.layout not in (None, layout):
        raise InvalidInputError(f"layout: the source says {layout.value}; say the same, or nothing")
    chosen = Voices(layout, voices.unmonitored)
    chosen.check()
    if len(chosen.channels) > started.channels:
        raise InvalidInputError(
            f"channels: {layout.value} needs two channels, and the audio has one"
        )
    return chosen


class Tracks:
    """The tracks of one connection."""

    def __init__(self, voices: Voices, started: Started) -> None:
        self._voices = agreed(voices, started)
        self._channels = started.channels
        self._held = b""
        self._resamplers: dict[Speaker, Resampler] = {}
        speakers = [
            speaker
            for channel, speaker in enumerate(self._voices.channels)
            if channel in started.heard and speaker in self._voices.monitored
        ]
        if not speakers:
            raise InvalidInputError("policy: nobody in this stream may be monitored")
        self.speakers = tuple(speakers)
        """Whose voices will be published."""

    def take(self, audio: Audio) -> Iterator[tuple[Speaker, bytes]]:
        """The next audio of each track, s16le mono at 16 kHz."""
        for speaker, pcm in self._by_speaker(audio):
            if speaker in self.speakers and pcm:
                yield from self._at_16_khz(speaker, pcm, audio.rate_hz)

    def rest(self) -> Iterator[tuple[Speaker, bytes]]:
        """What is held back; call it once, at the end."""
        for speaker, resampler in self._resamplers.items():
            yield speaker, resampler.rest()

    def _by_speaker(self, audio: Audio) -> Iterator[tuple[Speaker, bytes]]:
        if audio.channel is not None:
            yield self._voices.channels[audio.channel], audio.pcm
            return
        pcm = self._held + audio.pcm
        whole = len(pcm) - len(pcm) % (SAMPLE_BYTES * self._channels)
        pcm, self._held = pcm[:whole], pcm[whole:]
        if len(self._voices.channels) < self._channels:
            yield Speaker.MIXED, _mean(pcm)
        else:
            yield from self._voices.split(pcm)

    def _at_16_khz(
        self, speaker: Speaker, pcm: bytes, rate_hz: int
    ) -> Iterator[tuple[Speaker, bytes]]:
        former = self._resamplers.get(speaker)
        if former is None or former.rate_hz != rate_hz:
            if former is not None:
                yield speaker, former.rest()
            self._resamplers[speaker] = Resampler(rate_hz)
        yield speaker, self._resamplers[speaker].feed(pcm)


def _mean(pcm: bytes) -> bytes:
    samples = np.frombuffer(pcm, dtype="<i2").reshape(-1, STEREO).astype(np.int32)
    mean: bytes = (samples.sum(axis=1) // STEREO).astype("<i2").tobytes()
    return mean
