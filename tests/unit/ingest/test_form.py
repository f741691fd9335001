"""Upload forms, however they are cut into parts on the way."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tonewatch.ingest.uploads import ReceivedFile, receive
from tonewatch.shared.errors import InvalidInputError, TooLargeError

TYPE = 'multipart/form-data; boundary="edge"'


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    named = f'; filename="{filename}"' if filename is not None else ""
    head = f'--edge\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
    return head.encode() + value + b"\r\n"


async def received(
    tmp_path: Path,
    body: bytes,
    *,
    chunk: int = 7,
    max_bytes: int = 1000,
    max_seconds: float = 60,
) -> ReceivedFile:
    async def stream() -> AsyncIterator[bytes]:
        for start in range(0, len(body), chunk):
            yield body[start : start + chunk]

    return await receive(
        TYPE, stream(), spool_dir=tmp_path / "spool", max_bytes=max_bytes, max_seconds=max_seconds
    )


@pytest.mark.parametrize("chunk", [1, 7, 10_000])
async def test_the_file_arrives_whole_with_the_fields_around_it(tmp_path: Path, chunk: int) -> None:
    content = bytes(range(256)) + b"\r\n--edg\r\n"
    body = part("name", "线路".encode()) + part("file", content, "../../evil.wav")
    body += part("labels", b"{}") + b"--edge--\r\n"
    file = await received(tmp_path, body, chunk=chunk)
    assert file.path.read_bytes() == content
    assert file.path.parent == tmp_path / "spool"
    assert file.name == "evil.wav"
    assert file.fields == {"name": "线路", "labels": "{}"}
    assert file.size_bytes == len(content)


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        (part("file", b"x" * 1001, "a") + b"--edge--", TooLargeError, "limit of 1000 bytes"),
        (part("file", b"", "a.wav") + b"--edge--", InvalidInputError, "a.wav is empty"),
        (part("other", b"x") + b"--edge--", InvalidInputError, "no file"),
        (part("file", b"x", "a") * 2 + b"--edge--", InvalidInputError, "one file"),
        (part("name", b"x" * 70_000), TooLargeError, "fields"),
        (b"no form at all", InvalidInputError, "cannot be read"),
    ],
)
async def test_what_is_refused_leaves_nothing_behind(
    tmp_path: Path, body: bytes, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        await received(tmp_path, body, chunk=500)
    assert list((tmp_path / "spool").iterdir()) == []


async def test_a_form_that_breaks_off_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError):
        await received(tmp_path, part("file", b"half", "a.wav")[:-6])
    assert list((tmp_path / "spool").iterdir()) == []
