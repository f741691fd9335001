"""ffmpeg command lines, built with ffmpeg-python, which is used for nothing else.

The two functions return plain `list[str]`, so that another builder could take its place. All audio
leaves as 16 kHz s16le PCM on stdout, mono unless told otherwise.
"""

import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import ffmpeg
import imageio_ffmpeg

from tonewatch.shared.errors import ConfigurationError
from tonewatch.shared.messages import SAMPLE_RATE_HZ

PROTOCOLS: Final[Mapping[str, str]] = {
    # what one URL may make ffmpeg open; never `file`: a playlist could name files of this machine;
    # and never `httpproxy` where playlists are read, see guard.veil
    "http": "http,tcp,crypto",
    "https": "http,tcp,crypto",
    "rtmp": "rtmp,tcp",
    "rtmps": "rtmps,rtmp,tls,tcp,httpproxy",
    "rtsp": "tcp",
    "srt": "srt",
    "file": "file",
}
FILE_FORMATS: Final = (
    # containers of recordings; no playlists (hls, concat, dash), which open further files
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,eac3,flac,flv,matroska,webm,mov,mp4,m4a,mp3,mpeg,mpegts,"
    "ogg,w64,wav,wv"
)
FORMATS: Final[Mapping[str, str]] = {
    "http": f"{FILE_FORMATS},hls",
    "https": f"{FILE_FORMATS},hls",
    "rtmp": "flv,live_flv",
    "rtmps": "flv,live_flv",
    "rtsp": "rtsp",
    "srt": FILE_FORMATS,
    "file": FILE_FORMATS,
}
ANALYZE_MICROSECONDS: Final = 500_000
PROBE_BYTES: Final = 32_768
"""With ffmpeg's own defaults the first second of an RTMP stream comes after about five; with these
two after about one. Zero (with nobuffer) was seen to lose half of the audio."""
_QUICK: Final = {"analyzeduration": ANALYZE_MICROSECONDS, "probesize": PROBE_BYTES}


def pull_argv(
    ffmpeg_path: str,
    url: str,
    *,
    io_timeout: timedelta,
    channels: int = 1,
    scheme: str | None = None,
    extra: Mapping[str, Any] | None = None,
) -> list[str]:
    """The command that pulls a URL.

    `scheme` is that of the source, where the guard gives ffmpeg a URL with another one; `extra` are
    further options of the input. `io_timeout` is how long ffmpeg itself waits on a silent network;
    it was seen to take two to three times as long, which is why the caller watches the bytes.
    """
    kind = scheme or urlsplit(url).scheme.lower()
    patience = int(io_timeout.total_seconds() * 1_000_000)
    options: dict[str, Any] = {
        "protocol_whitelist": PROTOCOLS[kind],
        "format_whitelist": FORMATS[kind],
    }
    match kind:
        case "file":
            pass
        case "rtsp":
            # over the connection that the guard made; UDP would need ports that firewalls close
            options |= {"rtsp_transport": "tcp", "allowed_media_types": "audio"}
            options |= {"timeout": patience, **_QUICK}
        case _:
            options |= {"rw_timeout": patience, **_QUICK}
    # unflushed, up to a second of audio waits in ffmpeg's output buffer
    wanted = _channels(channels) | {"flush_packets": 1}
    return _compile(ffmpeg_path, url, options | dict(extra or {}), wanted)


def file_argv(ffmpeg_path: str, path: Path, *, limit: timedelta, channels: int = 1) -> list[str]:
    """The command that decodes a recording, up to `limit`."""
    options = {"protocol_whitelist": "file", "format_whitelist": FILE_FORMATS}
    wanted = _channels(channels) | {"t": f"{limit.total_seconds():g}"}
    return _compile(ffmpeg_path, f"file:{path}", options, wanted)


def _channels(count: int) -> dict[str, Any]:
    """All mixed into one, or the first two as they are.

    With `-ac 2`, audio that turns mono midway would put both speakers on both tracks, so that one
    who must not be monitored is heard; the map ends it with an error instead.
    """
    if count == 1:
        return {"ac": 1}
    return {"af": "channelmap=map=0|1:channel_layout=stereo"}


def _compile(
    ffmpeg_path: str, source: str, options: Mapping[str, Any], wanted: Mapping[str, Any]
) -> list[str]:
    stream = ffmpeg.input(source, **options)["a:0"]
    output = ffmpeg.output(
        stream,
        "pipe:1",
        format="s16le",
        acodec="pcm_s16le",
        ar=SAMPLE_RATE_HZ,
        **wanted,
    )
    # level+info marks each line with its severity, and tells the duration, by which a recording
    # is told from a live stream
    first = [ffmpeg_path, "-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info"]
    argv: list[str] = ffmpeg.compile(output, cmd=first)
    return argv


def find_ffmpeg(configured: str | None) -> str:
    """The path of ffmpeg: the configured one, the system's, or the one in imageio-ffmpeg's wheel.

    Raises:
        ConfigurationError: the configured one is no program, or there is none at all.
    """
    if configured is not None:
        found = shutil.which(configured)
        if found is None:
            raise ConfigurationError(f"ingest.ffmpeg names {configured}, which is no program")
        return found
    try:
        return shutil.which("ffmpeg") or str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise ConfigurationError("there is no ffmpeg; install it or set ingest.ffmpeg") from error
