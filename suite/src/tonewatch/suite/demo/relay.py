"""Serves the conversation over HTTP at real-time pace, for machines without an RTMP server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Final

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from tonewatch.suite._leash import leashed
from tonewatch.suite.demo.audio import RELAY_PATH

CHUNK_BYTES: Final = 4096


async def stream(argv: Sequence[str]) -> AsyncIterator[bytes]:
    """What a command writes, as it comes; the command ends with the iteration."""
    process = await asyncio.create_subprocess_exec(
        *leashed(argv), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None  # noqa: S101 - asked for above
    try:
        while chunk := await process.stdout.read(CHUNK_BYTES):
            yield chunk
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def build_app(argv: Sequence[str]) -> FastAPI:
    """Every listener gets the conversation from its beginning."""
    app = FastAPI(title="Tonewatch demo stream")

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "healthy"}

    @app.get(RELAY_PATH)
    async def conversation() -> StreamingResponse:
        return StreamingResponse(stream(argv), media_type="video/mp2t")

    return app
