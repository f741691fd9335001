"""Asterisk's AudioSocket: a byte for the kind, two for the length (big-endian), then the payload.

The first frame is the UUID, which names the source; the protocol knows no labels.
"""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from tonewatch.ingest.sockets.events import Audio, Ended, Event, Started
from tonewatch.ingest.sources import Layout
from tonewatch.shared.errors import InvalidInputError

HANGUP: Final = 0x00
IDENTITY: Final = 0x01
DTMF: Final = 0x03
ERROR: Final = 0xFF
RATES_HZ: Final = {
    0x10: 8000,
    0x11: 12_000,
    0x12: 16_000,
    0x13: 24_000,
    0x14: 32_000,
    0x15: 44_100,
    0x16: 48_000,
    0x17: 96_000,
    0x18: 192_000,
}
HEAD_BYTES: Final = 3
UUID_BYTES: Final = 16


class AudioSocketDecoder:
    """Decodes one connection; the stream may come in pieces of any size."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._is_known = False

    def feed(self, message: bytes | str) -> Iterator[Event]:
        """The events of the frames that are complete with this piece."""
        assert isinstance(message, bytes)  # noqa: S101 - a stream has no text messages
        self._held += message
        while len(self._held) >= HEAD_BYTES:
            kind = self._held[0]
            length = int.from_bytes(self._held[1:HEAD_BYTES], "big")
            if not self._is_known and (kind, length) != (IDENTITY, UUID_BYTES):
                raise InvalidInputError("this is no AudioSocket: the first frame must be the UUID")
            if len(self._held) < HEAD_BYTES + length:
                return
            payload = bytes(self._held[HEAD_BYTES : HEAD_BYTES + length])
            del self._held[: HEAD_BYTES + length]
            yield from self._frame(kind, payload)

    def _frame(self, kind: int, payload: bytes) -> Iterator[Event]:
        if rate_hz := RATES_HZ.get(kind):
            if len(payload) % 2:
                raise InvalidInputError("an audio frame ends inside a sample")
            if payload:
                yield Audio(payload, rate_hz)
        elif kind == IDENTITY:
            if self._is_known:
                raise InvalidInputError("a second UUID")
            self._is_known = True
            yield Started(key=str(UUID(bytes=payload)), layout=Layout.MIXED)
        elif kind == HANGUP:
            yield Ended("Asterisk hung up")
        elif kind == ERROR:
            yield Ended(f"Asterisk reported an error: {payload.hex() or 'no code'}")
        elif kind != DTMF:
            raise InvalidInputError(f"there is no AudioSocket frame of kind {kind:#04x}")
