"""The fine matrix of a score (steps x 9), kept in half precision.

Half a kilobyte less of disk per 140 values: a probability needs three digits to be drawn, and this
matrix is most of a row. numpy, because the writer packs thousands a second.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

import numpy as np

from tonewatch.shared.emotions import EMOTIONS
from tonewatch.shared.errors import InvalidMessageError

COLUMNS: Final = len(EMOTIONS)
_FLOAT32_BYTES: Final = 4
_DIGITS: Final = 4


def check_steps(blob: bytes, steps: int) -> None:
    """Compare a matrix as it travels with its header.

    Raises:
        InvalidMessageError: the blob has not the length that the header says.
    """
    expected = steps * COLUMNS * _FLOAT32_BYTES
    if len(blob) != expected:
        raise InvalidMessageError(
            f"the matrix `steps` has {len(blob)} bytes; {steps} rows of {COLUMNS} float32 "
            f"are {expected}"
        )


def pack_steps(blobs: Sequence[bytes]) -> list[bytes | None]:
    """Float32 as they travel -> float16 as they are stored; None where there is no matrix.

    Many at once, because most of what it costs does not depend on how many there are.

    Raises:
        InvalidMessageError: one of them (no more is said) holds no probabilities.
    """
    try:
        with np.errstate(over="raise"):
            packed = np.frombuffer(b"".join(blobs), dtype="<f4").astype("<f2").tobytes()
    except FloatingPointError as error:
        raise InvalidMessageError("the matrix `steps` holds no probabilities") from error
    ends = accumulate(len(blob) // 2 for blob in blobs)
    return [packed[end - len(b) // 2 : end] or None for b, end in zip(blobs, ends, strict=True)]


def unpack_steps(stored: bytes | None) -> list[list[float]]:
    """The stored matrix as rows of nine, rounded to what half precision carries."""
    if not stored:
        return []
    matrix = np.frombuffer(stored, dtype="<f2").astype(np.float64).round(_DIGITS)
    rows: list[list[float]] = matrix.reshape(-1, COLUMNS).tolist()
    return rows
