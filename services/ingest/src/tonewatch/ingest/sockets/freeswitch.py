"""FreeSWITCH's mod_audio_stream: bare L16 in binary messages, and before it at most one JSON text.

Nothing in the audio says its rate or its channels, and a wrong guess would be scored all the same.
So the URL's query or the JSON has to say them.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from pydantic import TypeAdapter, ValidationError

from tonewatch.ingest.sockets.events import Audio, Event, Started
from tonewatch.ingest.sockets.parsing import Incoming
from tonewatch.shared.errors import InvalidInputError

METADATA: Final = TypeAdapter[dict[str, Any]](dict[str, Any])
LARGEST: Final = 2**63


class _Form(Incoming):
    """How the audio comes."""

    rate: Literal["8000", "16000"]
    channels: Literal["1", "2"]


class FreeswitchDecoder:
    """Decodes one connection; `query` is what its URL says."""

    def __init__(self, query: Mapping[str, str]) -> None:
        self._said = dict(query)
        self._rate_hz: int | None = None

    def feed(self, message: bytes | str) -> Iterator[Event]:
        """The events of the next message; texts after the first audio are for others."""
        if self._rate_hz is None:
            if isinstance(message, str):
                self._said |= _texts(message)
            form = self._form()
            self._rate_hz = int(form.rate)
            yield Started(channels=int(form.channels), key=self._said.get("key"), labels=self._said)
        if isinstance(message, bytes):
            yield Audio(message, self._rate_hz)

    def _form(self) -> _Form:
        try:
            return _Form.model_validate(self._said)
        except ValidationError:
            raise InvalidInputError(
                "say in the URL how the audio comes, as uuid_audio_stream was told:"
                " rate=8000 or rate=16000, and channels=1 (mono, mixed) or channels=2 (stereo)"
            ) from None


def _texts(message: str) -> dict[str, str]:
    """The texts and whole numbers in a JSON object."""
    try:
        said = METADATA.validate_json(message)
    except ValidationError:
        raise InvalidInputError("the metadata must be a JSON object") from None
    return {
        name: str(value)
        for name, value in said.items()
        if isinstance(value, str) or (type(value) is int and abs(value) < LARGEST)
    }
