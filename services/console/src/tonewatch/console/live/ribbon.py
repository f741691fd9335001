"""The last minutes of one track, second by second, in a form that is small to send."""

from collections.abc import Mapping
from typing import Any, Final

from tonewatch.shared.emotions import EMOTIONS, NO_SPEECH

RIBBON_SECONDS: Final = 180

NOT_KNOWN: Final = "."
SILENCE: Final = "-"
MISSING: Final = "x"

CODES: Final[Mapping[str, str]] = {
    **{emotion.value: str(index) for index, emotion in enumerate(EMOTIONS)},
    NO_SPEECH: SILENCE,
}
"""One character per second: the index of the emotion, or one of the marks above."""


class Ribbon:
    """Seconds by number; a second that is told twice changes nothing, only the newest are kept."""

    def __init__(self) -> None:
        self.last_seq = -1
        self._seconds: dict[int, tuple[str, int]] = {}

    def score(self, seq: int, emotion: str, confidence: float) -> None:
        """A second was scored."""
        self._put(seq, CODES[emotion], min(99, int(confidence * 100)))

    def gap(self, first_seq: int, last_seq: int) -> None:
        """Seconds that will never be scored."""
        for seq in range(max(first_seq, last_seq - RIBBON_SECONDS + 1), last_seq + 1):
            self._put(seq, MISSING, 0)

    def _put(self, seq: int, code: str, percent: int) -> None:
        self._seconds[seq] = (code, percent)
        self.last_seq = max(self.last_seq, seq)
        oldest = self.last_seq - RIBBON_SECONDS
        for old in [known for known in self._seconds if known <= oldest]:
            del self._seconds[old]

    def public(self) -> dict[str, Any]:
        """First and last number, one code per second and two digits of percent per second."""
        first = min(self._seconds, default=0)
        cells = [self._seconds.get(seq, (NOT_KNOWN, 0)) for seq in range(first, self.last_seq + 1)]
        return {
            "first_seq": first,
            "last_seq": self.last_seq,
            "codes": "".join(code for code, _ in cells),
            "percents": "".join(f"{percent:02d}" for _, percent in cells),
        }
