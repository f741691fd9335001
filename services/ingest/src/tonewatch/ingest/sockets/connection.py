"""What a call needs of the connection it comes over, and how connections end."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from tonewatch.ingest.sources import SourceKind
from tonewatch.shared.errors import ForbiddenError, InvalidInputError, TonewatchError


class Close(IntEnum):
    """The close codes of WebSocket (RFC 6455) that we use."""

    DONE = 1000
    MALFORMED = 1007
    REFUSED = 1008
    INTERNAL = 1011
    RESTART = 1012  # ingest stops or the source was changed: connect again
    LATER = 1013  # too many: connect again later


class LeftError(Exception):
    """The other side is gone; the message says how, and `lost` whether it did not mean to."""

    def __init__(self, message: str, *, lost: bool = False) -> None:
        super().__init__(message)
        self.lost = lost


@dataclass(frozen=True, slots=True)
class Parting:
    """Why a connection ends, for the sender and for the session."""

    reason: str
    code: Close = Close.DONE
    lost: bool = False
    """The audio broke off, and the sender did not mean it to."""

    @property
    def is_wrong(self) -> bool:
        """Whether the sender should hear of an error."""
        return self.code is not Close.DONE

    @classmethod
    def over(cls, error: TonewatchError) -> "Parting":
        """The parting that an error makes necessary."""
        if isinstance(error, InvalidInputError):
            return cls(error.message, Close.MALFORMED)
        if isinstance(error, ForbiddenError):
            return cls(error.message, Close.REFUSED)
        return cls(error.message, Close.LATER if error.retryable else Close.INTERNAL)


class Connection(Protocol):
    """One accepted connection of any protocol."""

    @property
    def kind(self) -> SourceKind:
        """The kind of source that it may feed."""
        ...

    @property
    def address(self) -> str:
        """Whose it is."""
        ...

    @property
    def key(self) -> str | None:
        """The key that came with the request for the connection, if one did."""
        ...

    @property
    def labels(self) -> Mapping[str, str]:
        """What else came with it."""
        ...

    async def receive(self) -> bytes | str:
        """The next message, or the next piece of the stream.

        Raises:
            LeftError: there is none, because the other side is gone.
        """
        ...

    async def welcome(self, session_id: str) -> None:
        """Tell the sender that its audio is taken, where its protocol has words for it."""
        ...

    async def part(self, parting: Parting) -> None:
        """Say why, as far as the protocol can, and close."""
        ...
