"""Receives an upload: a multipart form whose file goes straight to the spool, whatever its size.

The framework's own form parsing would take in a file of any size before anybody could object, and
would write it to the system's temporary folder.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from tonewatch.shared.errors import InvalidInputError, TooLargeError, TooSlowError
from tonewatch.shared.ids import new_id

FORM_BYTES: Final = 64 * 1024
"""Room for everything in the form that is not the file."""


@dataclass(slots=True)
class ReceivedFile:
    """A file on the spool, and the form's other fields. Whoever gets it removes it."""

    path: Path
    name: str
    size_bytes: int
    fields: dict[str, str] = field(default_factory=dict)
    is_spooled: bool = True
    """False for a file that lies where its owner put it, and stays."""

    def remove(self) -> None:
        """Delete the file, if it is ours."""
        if self.is_spooled:
            self.path.unlink(missing_ok=True)


async def receive(
    content_type: str,
    body: AsyncIterator[bytes],
    *,
    spool_dir: Path,
    max_bytes: int,
    max_seconds: float,
) -> ReceivedFile:
    """Read a multipart form with one file in the field `file`.

    Raises:
        InvalidInputError: it is no such form, or the file is empty.
        TooLargeError: the file is larger than `max_bytes`.
        TooSlowError: it was not all there after `max_seconds`.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise InvalidInputError("send multipart/form-data with the recording in the field 'file'")
    await asyncio.to_thread(spool_dir.mkdir, parents=True, exist_ok=True)
    form = _Form(spool_dir / f"{new_id()}.upload", max_bytes)
    try:
        parser = MultipartParser(options[b"boundary"], form.callbacks())  # type: ignore[arg-type]
        async with asyncio.timeout(max_seconds):
            async for chunk in body:
                await asyncio.to_thread(parser.write, chunk)
        parser.finalize()
        return form.received()
    except TimeoutError as error:
        form.discard()
        raise TooSlowError(
            f"the recording was not all here after {max_seconds:g} s ({form.file_bytes} bytes of it"
            " were); send it over a faster line, or an operator can raise"
            " ingest.upload_receive_seconds"
        ) from error
    except MultipartParseError as error:
        form.discard()
        raise InvalidInputError(f"the form cannot be read: {error}") from error
    except BaseException:
        form.discard()
        raise
    finally:
        form.close()


@dataclass(slots=True)
class _Form:
    """What the parser has found so far."""

    path: Path
    max_bytes: int
    fields: dict[str, bytearray] = field(default_factory=dict)
    file: BinaryIO | None = None
    file_name: str = ""
    file_bytes: int = 0
    field_bytes: int = 0
    _header: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)
    _headers: dict[bytes, bytes] = field(default_factory=dict)
    _target: bytearray | None = None

    def callbacks(self) -> dict[str, object]:
        """The parser's hooks."""
        return {
            "on_part_begin": self._headers.clear,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header_ended,
            "on_headers_finished": self._part_began,
            "on_part_data": lambda data, start, end: self._take(data[start:end]),
        }

    def received(self) -> ReceivedFile:
        """The result, when the form is complete."""
        if self.file is None:
            raise InvalidInputError("the form has no file in the field 'file'")
        if self.file_bytes == 0:
            raise InvalidInputError(f"the file {self.file_name} is empty")
        fields = {name: value.decode(errors="replace") for name, value in self.fields.items()}
        return ReceivedFile(self.path, self.file_name, self.file_bytes, fields)

    def close(self) -> None:
        """Close the file; it stays."""
        if self.file is not None:
            self.file.close()

    def discard(self) -> None:
        """Close and delete the file."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _header_ended(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _part_began(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode(errors="replace")
        if name == "file" and b"filename" in options:
            if self.file is not None:
                raise InvalidInputError("send one file at a time")
            self.file_name = Path(options[b"filename"].decode(errors="replace")).name or "recording"
            self.file = self.path.open("wb")
            self._target = None
        else:
            self._target = self.fields.setdefault(name, bytearray())

    def _take(self, data: bytes) -> None:
        if self._target is not None:
            self.field_bytes += len(data)
            if self.field_bytes > FORM_BYTES:
                raise TooLargeError("the fields of the form are too large")
            self._target.extend(data)
        elif self.file is not None:
            self.file_bytes += len(data)
            if self.file_bytes > self.max_bytes:
                raise TooLargeError(f"the file is larger than the limit of {self.max_bytes} bytes")
            self.file.write(data)
