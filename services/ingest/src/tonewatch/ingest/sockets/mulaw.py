"""Mu-law (G.711), the coding of telephone audio, to linear PCM by a table."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_BIAS: Final = 0x84


def _table() -> NDArray[np.int16]:
    inverted = ~np.arange(256) & 0xFF
    exponent, mantissa = (inverted >> 4) & 0x07, inverted & 0x0F
    size = (((mantissa << 3) + _BIAS) << exponent) - _BIAS
    return np.where(inverted & 0x80, -size, size).astype("<i2")


_LINEAR: Final = _table()


def decode_mulaw(coded: bytes) -> bytes:
    """S16le PCM, one sample for each byte."""
    return _LINEAR[np.frombuffer(coded, dtype=np.uint8)].tobytes()
