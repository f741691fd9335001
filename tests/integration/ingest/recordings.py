"""Recordings of all kinds, made by ffmpeg, and how much of them arrived."""

import asyncio
import subprocess
from pathlib import Path
from typing import Final

from tonewatch.shared.messages import Frame

RARE_KINDS: Final = (
    (("-ac", "1", "-ar", "8000", "-c:a", "pcm_u8"), "eight-bit.wav"),
    (("-af", "pan=7.1|FL=c0|FR=c0|SL=c0|BR=c0", "-ar", "96000"), "surround.wav"),
)
"""What ffmpeg is told, and the file: 8-bit mono at 8 kHz, eight channels at 96 kHz."""


async def made(ffmpeg: str, path: Path, *arguments: str) -> bytes:
    """What ffmpeg makes of these arguments."""
    command = [ffmpeg, "-nostdin", "-loglevel", "error", "-y", *arguments, str(path)]
    await asyncio.to_thread(subprocess.run, command, check=True)
    return await asyncio.to_thread(path.read_bytes)


def tone(seconds: float, rate: int = 44_100) -> tuple[str, ...]:
    """ffmpeg's input: so many seconds of a tone."""
    return ("-f", "lavfi", "-i", f"sine=sample_rate={rate}:duration={seconds}")


def seconds_of(frames: list[Frame]) -> float:
    """How much audio these frames hold."""
    return sum(frame.samples for frame in frames) / 16_000
