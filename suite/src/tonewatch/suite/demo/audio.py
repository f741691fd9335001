"""The ffmpeg commands that play the conversation in real time: to RTMP, or to a pipe."""

from pathlib import Path
from typing import Final

CONVERSATION: Final = Path(__file__).with_name("conversation.flac")
RELAY_PATH: Final = "/conversation.ts"
"""Where the relay serves it."""
BITRATE: Final = "64k"
SAMPLE_RATE_HZ: Final = "44100"
"""FLV knows 5.5, 11, 22 and 44 kHz; AAC at 44.1 kHz is what encoders send."""


def play_argv(ffmpeg: str, audio: Path, *, loop: bool) -> list[str]:
    """Read the audio at its own pace and encode it as AAC; the output has to follow."""
    repeat = ["-stream_loop", "-1"] if loop else []
    quiet = ["-hide_banner", "-nostdin", "-loglevel", "error"]
    encode = ["-vn", "-c:a", "aac", "-b:a", BITRATE, "-ar", SAMPLE_RATE_HZ]
    return [ffmpeg, *quiet, "-re", *repeat, "-i", str(audio), *encode]


def push_argv(ffmpeg: str, audio: Path, url: str, *, loop: bool) -> list[str]:
    """Play to an RTMP URL."""
    return [*play_argv(ffmpeg, audio, loop=loop), "-f", "flv", url]


def pipe_argv(ffmpeg: str, audio: Path) -> list[str]:
    """Play to standard output, as MPEG transport stream, without end."""
    return [*play_argv(ffmpeg, audio, loop=True), "-f", "mpegts", "-flush_packets", "1", "pipe:1"]
