"""What a server answers, as ffmpeg may see it: all that leads on is veiled.

Redirects stand in the head. Playlists are read whole and sent on with veiled URLs; anything else is
passed on as it comes.
"""

import asyncio
import re
from dataclasses import replace
from typing import Final

from tonewatch.ingest.guard.heads import Chunks, Head, read_head
from tonewatch.ingest.guard.pipes import Connection, copy, read_some
from tonewatch.ingest.guard.veil import PLAYLIST, veiled_cookie, veiled_location, veiled_playlist
from tonewatch.shared.errors import InvalidInputError, UnavailableError

ANSWER_SECONDS: Final = 60.0
PLAYLIST_BYTES: Final = 4 * 2**20
PEEK_BYTES: Final = 32

_CHUNKED_PLAYLIST: Final = re.compile(rb"[0-9a-fA-F]+[^\r\n]*\r\n" + PLAYLIST)
_LENGTHS: Final = ("content-length", "transfer-encoding", "content-range", "accept-ranges")


async def pass_on(far: Connection, writer: asyncio.StreamWriter, *, tls: bool) -> None:
    """Pass an answer on to its end; `tls` says how it comes.

    Raises:
        TonewatchError: it cannot be passed on; nothing was written.
    """
    there = far[0]
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            head, rest = await read_head(there)
        head = _veiled_head(head, tls=tls)
        while len(rest) < PEEK_BYTES and (part := await read_some(there)):
            rest += part
        if rest.startswith(PLAYLIST) or _CHUNKED_PLAYLIST.match(rest):
            writer.write(await _playlist(head, rest, there, tls=tls))
            return
    except OSError as error:
        raise UnavailableError("the server broke off before it answered") from error
    writer.write(head.encode() + rest)
    await writer.drain()
    await copy(far, writer)


def _veiled_head(head: Head, *, tls: bool) -> Head:
    headers = []
    for name, value in head.headers:
        match name.lower():
            case "location":
                headers.append((name, veiled_location(value, tls=tls)))
            case "set-cookie" if tls:
                headers.append((name, veiled_cookie(value)))
            case _:
                headers.append((name, value))
    return replace(head, headers=tuple(headers)).for_one_message()


async def _playlist(head: Head, rest: bytes, there: asyncio.StreamReader, *, tls: bool) -> bytes:
    """A whole playlist, veiled, as a complete answer."""
    text = (await _whole(head, rest, there)).decode("utf-8", "replace")
    body = veiled_playlist(text, tls=tls).encode()
    kept = head.without(_LENGTHS)
    # also where a range was asked for: the length has changed
    whole = replace(kept, first="HTTP/1.1 200 OK")
    length = ("Content-Length", str(len(body)))
    return replace(whole, headers=(*whole.headers, length)).encode() + body


async def _whole(head: Head, rest: bytes, there: asyncio.StreamReader) -> bytes:
    chunks = Chunks() if _CHUNKED_PLAYLIST.match(rest) else None
    stated = head.get("Content-Length") or ""
    length = int(stated) if stated.isdecimal() else None
    body, part, count = bytearray(), rest, 0
    while part and (count := count + len(part)) <= PLAYLIST_BYTES:
        if chunks is not None:
            chunks.feed(part)
            if chunks.complete:
                return bytes(chunks.body)
        else:
            body += part
            if length is not None and count >= length:
                return bytes(body[:length])
        part = await read_some(there)
    if part or chunks is not None or length is not None:
        raise InvalidInputError("the playlist is damaged, or longer than 4 MiB")
    return bytes(body)
