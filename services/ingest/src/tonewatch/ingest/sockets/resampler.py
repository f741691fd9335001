"""One track's audio at another rate to 16 kHz, as a stream without seams.

In float32: libsoxr would dither 16-bit output, and silence has to stay silence.
"""

from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from tonewatch.shared.messages import SAMPLE_RATE_HZ

_HIGHEST: Final = 32_767


class Resampler:
    """Turns s16le mono of one rate into s16le mono of 16 kHz; holds some 0.1 s back."""

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._stream: soxr.ResampleStream | None = None
        if rate_hz != SAMPLE_RATE_HZ:
            self._stream = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32")

    def feed(self, pcm: bytes) -> bytes:
        """What can be said of the output so far."""
        if self._stream is None:
            return pcm
        return self._run(np.frombuffer(pcm, dtype="<i2").astype(np.float32), last=False)

    def rest(self) -> bytes:
        """What was held back; the stream ends with it."""
        if self._stream is None:
            return b""
        return self._run(np.zeros(0, dtype=np.float32), last=True)

    def _run(self, samples: NDArray[np.float32], *, last: bool) -> bytes:
        assert self._stream is not None  # noqa: S101 - asked only where there is one
        made = self._stream.resample_chunk(samples, last=last)
        pcm: bytes = np.clip(np.rint(made), -_HIGHEST, _HIGHEST).astype("<i2").tobytes()
        return pcm
