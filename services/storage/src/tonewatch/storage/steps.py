"""The fine matrix of a score (steps x 9), kept in half precision.

Half a kilobyte less of disk per 140 values: a probability needs three digits to be drawn, and this
matrix is most of a row. `struct` knows float16, so nothing else is needed.
"""

import struct
from typing import Final

from tonewatch.shared.emotions import EMOTIONS
from tonewatch.shared.errors import InvalidMessageError

COLUMNS: Final = len(EMOTIONS)
_FLOAT32_BYTES: Final = 4
_FLOAT16_BYTES: Final = 2
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
    count = steps * COLUMNS
    try:
        return struct.pack(f"<{count}e", *struct.unpack(f"<{count}f", blob))
    except OverflowError as error:
        raise InvalidMessageError("the matrix `steps` holds no probabilities") from error


def unpack_steps(stored: bytes | None) -> list[list[float]]:
    """The stored matrix as rows of nine, rounded to what half precision carries."""
    if not stored:
        return []
    flat = struct.unpack(f"<{len(stored) // _FLOAT16_BYTES}e", stored)
    rounded = [round(value, _DIGITS) for value in flat]
    return [rounded[at : at + COLUMNS] for at in range(0, len(rounded), COLUMNS)]
