"""What a line does to speech: the telephone's band and coding, GSM, low-rate Opus."""

from io import BytesIO
from typing import Any

import numpy as np
import soundfile

from tonewatch.evaluation.acoustics import SAMPLE_RATE_HZ, FloatArray, band_limit

_NARROW_RATE_HZ = SAMPLE_RATE_HZ // 2


def telephone(speech: FloatArray) -> FloatArray:
    """A narrow-band line: 300 to 3400 Hz and the 8-bit mu-law of G.711."""
    narrow = band_limit(speech, 300, 3_400)
    peak = max(float(np.abs(narrow).max(initial=0)), 1e-9)
    compressed = np.sign(narrow) * np.log1p(255 * np.abs(narrow) / peak) / np.log(256)
    coarse = np.round(compressed * 127) / 127
    expanded = np.sign(coarse) * np.expm1(np.abs(coarse) * np.log(256)) / 255
    return np.asarray(peak * expanded, dtype=np.float32)


def mobile(speech: FloatArray) -> FloatArray:
    """An old mobile telephone: GSM full rate (06.10) at 13 kbit/s, 8 kHz."""
    narrow = band_limit(speech, 200, 3_600)[::2]
    coded = _coded(narrow, _NARROW_RATE_HZ, format="WAV", subtype="GSM610")
    positions = np.arange(len(speech)) / 2
    wide = np.interp(positions, np.arange(len(coded)), coded)
    return band_limit(np.asarray(wide, dtype=np.float32), 0, 3_700)


def internet(speech: FloatArray, thrift: float) -> FloatArray:
    """A voice call over a thin connection: Opus; `thrift` 0.9 is about 30, 1.0 about 7 kbit/s."""
    return _coded(
        speech, SAMPLE_RATE_HZ, format="OGG", subtype="OPUS", compression_level=min(thrift, 1.0)
    )


def _coded(audio: FloatArray, rate_hz: int, **coding: Any) -> FloatArray:
    """The audio after a codec, as long and as loud as before."""
    peak = max(float(np.abs(audio).max(initial=0)), 1e-9)
    with BytesIO() as file:
        soundfile.write(file, audio * (0.9 / peak), rate_hz, **coding)
        file.seek(0)
        decoded, _ = soundfile.read(file, dtype="float32")
    fitted = np.pad(decoded, (0, max(0, len(audio) - len(decoded))))[: len(audio)]
    return np.asarray(fitted * (peak / 0.9), dtype=np.float32)
