"""What an ffmpeg was built with: packages leave parts out, SRT most of all."""

import asyncio
import subprocess
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from tonewatch.shared.errors import ConfigurationError

ASK_SECONDS: Final = 20.0
NEEDED: Final[Mapping[str, frozenset[str]]] = {
    "http": frozenset({"http", "tcp"}),
    "https": frozenset({"http", "tcp"}),
    "rtmp": frozenset({"rtmp", "tcp"}),
    "rtmps": frozenset({"rtmps", "tls", "httpproxy"}),
    "rtsp": frozenset({"tcp"}),
    "srt": frozenset({"srt"}),
    "file": frozenset({"file"}),
}


async def require_protocol(ffmpeg_path: str, scheme: str) -> None:
    """Make sure that this ffmpeg can pull such URLs.

    Raises:
        ConfigurationError: it cannot; the message says which part it lacks.
    """
    lacking = NEEDED[scheme] - await asyncio.to_thread(_protocols, ffmpeg_path)
    if lacking:
        raise ConfigurationError(
            f"{ffmpeg_path} was built without {', '.join(sorted(lacking))}, which {scheme} needs; "
            "install an ffmpeg that has it (see `ffmpeg -protocols`) or set ingest.ffmpeg"
        )


@lru_cache(maxsize=8)
def _protocols(ffmpeg_path: str) -> frozenset[str]:
    """The protocols that it can read from; asked once for each program."""
    argv = [ffmpeg_path, "-hide_banner", "-protocols"]
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own ffmpeg
            argv, capture_output=True, text=True, timeout=ASK_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigurationError(
            f"{ffmpeg_path} cannot be asked what it can do: {error}"
        ) from error
    return frozenset(done.stdout.partition("Input:")[2].partition("Output:")[0].split())
