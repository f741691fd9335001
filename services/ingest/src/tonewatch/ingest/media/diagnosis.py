"""What ffmpeg's last words mean, in words that a person can act on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

ONE_CHANNEL: Final = "the audio has one channel, which cannot be split into two speakers"
UNSPLIT: Final = "on Parsed_channelmap"
"""What ffmpeg says where `command` wants two channels and there is one, from here on at least."""
_KNOWN: Final[Sequence[tuple[str, str, bool]]] = (
    # pattern in an error line, what it means, whether the other side answered without any audio
    (UNSPLIT, ONE_CHANNEL, True),
    (r"matches no streams|does not contain any stream", "there is no audio track in it", True),
    (r"not on whitelist|not in whitelist", "its format or protocol is not allowed", True),
    (r"Invalid data found", "it is no audio that ffmpeg can read", True),
    (r"could not find codec|Unknown decoder|Decoder .* not found", "its codec is unknown", True),
    (r"Connection refused", "connection refused: nothing listens there", False),
    (r"401 Unauthorized|HTTP error 401", "the server asks for a password (401)", False),
    (r"403 Forbidden|HTTP error 403", "the server refuses access (403)", False),
    (r"404 Not Found|HTTP error 404", "the server does not know this stream (404)", False),
    (r"HTTP error (\d+)|Server returned (\w+)", "the server answers with an error", False),
    (r"Failed to resolve|Name or service not known", "the host name does not resolve", False),
    (r"timed out|ETIMEDOUT", "the server does not answer", False),
    (r"StreamNotFound|No such stream", "the server does not know this stream", False),
    (r"ends prematurely|Connection reset|Broken pipe", "the connection broke", False),
)
_BROKEN: Final = re.compile(
    # a body of unknown length (2^64 - 1) ends where the server closes it
    r"ends prematurely at \d+, should be (?!18446744073709551615)"
    r"|Connection reset|Broken pipe|timed out"
)
_SEVERE: Final = re.compile(r"\[(?:error|fatal|panic)\]")
_PREFIX: Final = re.compile(r"^(?:\[[^\]]*\]\s*)+")
_DURATION: Final = re.compile(r"Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why ffmpeg ended.

    `complete` says that the input was read to its end without an error; `no_audio` that something
    answered but had no audio, so that asking again soon makes little sense.
    """

    reason: str
    complete: bool = False
    no_audio: bool = False


def diagnose(lines: Sequence[str], exit_code: int | None, *, had_audio: bool) -> Verdict:
    """Judge by the log and the exit code.

    At the end of an RTMP stream ffmpeg reports "Input/output error": after audio that is a normal
    end. An HTTP body that breaks off, on the other hand, may leave exit code 0.
    """
    errors = [line for line in lines if _SEVERE.search(line)]
    if had_audio:
        return _after_audio(errors, exit_code)
    text = "\n".join(errors)
    for pattern, meaning, no_audio in _KNOWN:
        if re.search(pattern, text, re.IGNORECASE):
            return Verdict(meaning, no_audio=no_audio)
    if errors:
        return Verdict(_plain(errors[-1]))
    if exit_code == 0:
        return Verdict("it holds no audio samples", no_audio=True)
    return Verdict(f"ffmpeg ended with exit code {exit_code}")


def _after_audio(errors: Sequence[str], exit_code: int | None) -> Verdict:
    if any(UNSPLIT in line for line in errors):
        return Verdict(f"from here on {ONE_CHANNEL}")
    broken = [line for line in errors if _BROKEN.search(line)]
    if broken:
        return Verdict(f"the connection broke: {_plain(broken[-1])}")
    return Verdict("the stream ended", complete=exit_code == 0)


def duration(line: str) -> timedelta | None:
    """The length that the container states in this line; None for a live stream (`N/A`)."""
    match = _DURATION.search(line)
    if match is None:
        return None
    hours, minutes, seconds = match.groups()
    return timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))


def _plain(line: str) -> str:
    return _PREFIX.sub("", line).strip()[:300]
