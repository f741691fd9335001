"""The fine matrix of a score (steps x 9), kept in half precision.

Half a kilobyte less of disk per 140 values: a probability needs three digits to be drawn, and this
matrix is most of a row. numpy, because the writer packs thousands a second.
"""

from typing import Final

import numpy as np

from tonewatch.shared.emotions import EMOTIONS
from tonewatch.shared.errors import InvalidMessageError

COLUMNS: Final = len(EMOTIONS)
_FLOAT32_BYTES: Final = 4
_DIGITS: Final = 4


def pack_steps(blob: bytes, steps: int) -> bytes | None:
    """Float32 as it travels -> float16 as it is stored; None for no matrix.

    Raises:
        InvalidMessageError: the blob has not the length that the header says.
    """
    expected = steps * COLUMNS * _FLOAT32_BYTES
    if len(blob) != expected:
        raise InvalidMessageError(
            f"the matrix `steps` has {len(blob)} bytes; {steps} rows of {COLUMNS} float32 "
            f"are {expected}"
        )
    if not blob:
        return None
    try:
        with np.errstate(over="raise"):
            return np.frombuffer(blob, dtype="<f4").astype("<f2").tobytes()
    except FloatingPointError as error:
        raise InvalidMessageError("the matrix `steps` holds no probabilities") from error


def unpack_steps(stored: bytes | None) -> list[list[float]]:
    """The stored matrix as rows of nine, rounded to what half precision carries."""
    if not stored:
        return []
    matrix = np.frombuffer(stored, dtype="<f2").astype(np.float64).round(_DIGITS)
    rows: list[list[float]] = matrix.reshape(-1, COLUMNS).tolist()
    return rows
