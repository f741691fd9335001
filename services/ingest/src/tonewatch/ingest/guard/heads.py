"""Heads of HTTP messages: read with a bound, taken apart, put together again.

Not h11: a Shoutcast server answers with `ICY 200 OK`, which is no HTTP and must pass.
"""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Self

from tonewatch.shared.errors import InvalidInputError

HEAD_BYTES: Final = 64 * 1024
READ_BYTES: Final = 64 * 1024

_END: Final = re.compile(rb"\r?\n\r?\n")
_LINE: Final = re.compile(r"\r?\n")
_SIZE: Final = re.compile(rb"[0-9a-fA-F]{1,8}")
_BETWEEN_TWO: Final = frozenset(
    # headers that speak of one connection, not of the message
    {"connection", "keep-alive", "proxy-connection", "proxy-authorization", "upgrade"}
)


@dataclass(frozen=True, slots=True)
class Head:
    """The first line and the headers of a message, in order."""

    first: str
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Take a head apart; lines without a colon are dropped."""
        first, *lines = _LINE.split(raw.decode("latin-1"))
        pairs = (line.partition(":") for line in lines if ":" in line)
        return cls(first.strip(), tuple((name.strip(), value.strip()) for name, _, value in pairs))

    def get(self, name: str) -> str | None:
        """The value of a header."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def without(self, names: Iterable[str]) -> Self:
        """The same without some headers."""
        dropped = {name.lower() for name in names}
        kept = tuple(pair for pair in self.headers if pair[0].lower() not in dropped)
        return replace(self, headers=kept)

    def for_one_message(self, *added: tuple[str, str]) -> Self:
        """As it is passed on: the connection serves this message only."""
        kept = self.without(_BETWEEN_TWO)
        return replace(kept, headers=(*kept.headers, *added, ("Connection", "close")))

    def encode(self) -> bytes:
        """The bytes of the head."""
        lines = [self.first, *(f"{name}: {value}" for name, value in self.headers)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def read_head(reader: asyncio.StreamReader) -> tuple[Head, bytes]:
    """The head that comes next, and what was read beyond it.

    Raises:
        InvalidInputError: it ends too early or does not end.
    """
    raw = b""
    while (end := _END.search(raw)) is None:
        part = await reader.read(READ_BYTES)
        if not part or len(raw) > HEAD_BYTES:
            raise InvalidInputError("what answers there does not speak HTTP")
        raw += part
    return Head.parse(raw[: end.start()]), raw[end.end() :]


class Chunks:
    """Takes the chunks of a chunked body apart as they come; each byte is looked at once."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.complete = False
        self._rest = bytearray()

    def feed(self, part: bytes) -> None:
        """More of the body came.

        Raises:
            InvalidInputError: it is not chunked as it says.
        """
        self._rest += part
        at = 0
        while not self.complete and (line_end := self._rest.find(b"\r\n", at)) >= 0:
            stated = self._rest[at:line_end].partition(b";")[0].strip()
            if not _SIZE.fullmatch(stated):
                raise InvalidInputError("the server sends a damaged answer")
            size, begin = int(stated, 16), line_end + 2
            self.complete = size == 0
            if len(self._rest) < begin + size + 2:
                break
            self.body += self._rest[begin : begin + size]
            at = begin + size + 2
        del self._rest[:at]
