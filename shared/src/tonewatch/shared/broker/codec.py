"""Messages to stream fields and back: field `h` is the JSON header, the rest is raw binary."""

import functools
from collections.abc import Mapping
from typing import Annotated, Any, Final, Union

from pydantic import Field, TypeAdapter, ValidationError

from tonewatch.shared.broker._model import Entry, Outgoing
from tonewatch.shared.errors import InvalidMessageError
from tonewatch.shared.messages import Message
from tonewatch.shared.streams import STREAMS_BY_NAME, Stream

HEADER: Final = "h"


def encode(outgoing: Outgoing) -> dict[str, bytes]:
    """The fields of a stream entry.

    Raises:
        ValueError: the stream is not registered to carry this message or binary field.
    """
    stream = outgoing.stream
    if stream.messages and not isinstance(outgoing.message, stream.messages):
        raise ValueError(f"stream {stream.name} carries no {type(outgoing.message).__name__}")
    for name in outgoing.blobs:
        if name not in stream.binary_fields:
            raise ValueError(f"stream {stream.name} has no binary field {name}")
    header = outgoing.message.model_dump_json(exclude_none=True).encode()
    return {HEADER: header, **outgoing.blobs}


@functools.cache
def _adapter(stream_name: str) -> TypeAdapter[Message]:
    messages = STREAMS_BY_NAME[stream_name].messages
    if len(messages) == 1:
        return TypeAdapter(messages[0])
    union: Any = Annotated[Union[messages], Field(discriminator="type")]  # noqa: UP007 - run time
    return TypeAdapter(union)


def decode(stream: Stream, entry: Entry) -> Message:
    """The message whose header the entry carries.

    Raises:
        InvalidMessageError: the header is missing, no JSON, of another schema version, or wrong.
    """
    try:
        return _adapter(stream.name).validate_json(entry.header)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "header"
        raise InvalidMessageError(
            f"{stream.name} entry {entry.entry_id}: {where}: {first['msg']}"
        ) from error


def dead_fields(
    entry: Entry, *, stream: str, group: str, deliveries: int, error: str
) -> dict[str, bytes]:
    """The fields of a dead letter: the entry's own, and where and why it failed."""
    return {
        **entry.fields,
        "dead_stream": stream.encode(),
        "dead_group": group.encode(),
        "dead_entry_id": entry.entry_id.encode(),
        "dead_deliveries": str(deliveries).encode(),
        "dead_error": error[:2048].encode(),
    }


def flatten(fields: Mapping[str, bytes]) -> list[Any]:
    """Fields as the flat argument list of XADD."""
    return [part for pair in fields.items() for part in pair]
