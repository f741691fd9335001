"""ffmpeg's command lines, and what its log means."""

from datetime import timedelta
from pathlib import Path

import pytest

from tonewatch.ingest.media import diagnose, file_argv, find_ffmpeg, pull_argv
from tonewatch.ingest.media.diagnosis import duration
from tonewatch.shared.errors import ConfigurationError


def test_the_command_that_pulls_a_stream() -> None:
    argv = pull_argv("/bin/ffmpeg", "rtmp://h/live/x", io_timeout=timedelta(seconds=10))
    assert argv == [
        *("/bin/ffmpeg", "-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info"),
        *("-analyzeduration", "500000", "-format_whitelist", "flv,live_flv"),
        *("-probesize", "32768", "-protocol_whitelist", "rtmp,tcp", "-rw_timeout", "10000000"),
        *("-i", "rtmp://h/live/x", "-map", "0:a:0", "-f", "s16le"),
        *("-ac", "1", "-acodec", "pcm_s16le", "-ar", "16000", "-flush_packets", "1", "pipe:1"),
    ]


def test_the_command_that_decodes_a_recording() -> None:
    argv = file_argv("ffmpeg", Path("/spool/a.upload"), limit=timedelta(seconds=60))
    whitelist = argv[argv.index("-format_whitelist") + 1].split(",")
    assert argv[argv.index("-protocol_whitelist") + 1] == "file"
    assert argv[argv.index("-i") + 1] == "file:/spool/a.upload"
    assert argv[argv.index("-t") + 1] == "60"
    assert not {"hls", "concat", "dash"} & set(whitelist)


@pytest.mark.parametrize("scheme", ["http", "https", "rtmp", "rtmps", "rtsp", "srt"])
def test_no_url_makes_ffmpeg_open_files_or_go_past_the_guard(scheme: str) -> None:
    argv = pull_argv("ffmpeg", f"{scheme}://h/x", io_timeout=timedelta(seconds=1))
    protocols = set(argv[argv.index("-protocol_whitelist") + 1].split(","))
    formats = set(argv[argv.index("-format_whitelist") + 1].split(","))
    assert protocols
    assert not {"file", "pipe", "concat", "data", "subfile", "unix", "udp", "rtp"} & protocols
    assert not {"concat", "dash", "sdp"} & formats
    if "hls" in formats:
        # a playlist may name any protocol that is allowed
        assert protocols == {"http", "tcp", "crypto"}


def test_rtsp_stays_on_its_connection() -> None:
    argv = pull_argv(
        "ffmpeg", "rtsp://127.0.0.1:5/x", io_timeout=timedelta(seconds=2), extra={"a": "b"}
    )
    assert argv[argv.index("-rtsp_transport") + 1] == "tcp"
    assert argv[argv.index("-timeout") + 1] == "2000000"
    assert argv[argv.index("-a") + 1] == "b"
    assert "-rw_timeout" not in argv


@pytest.mark.parametrize(
    ("lines", "exit_code", "had_audio", "reason", "complete", "no_audio"),
    [
        (["[error] rtmp://h/x: Input/output error"], 1, True, "the stream ended", False, False),
        ([], 0, True, "the stream ended", True, False),
        (
            ["[http @ 0x1] [error] Stream ends prematurely at 10, should be 99"],
            *(0, True, "the connection broke: Stream ends prematurely at 10, should be 99"),
            *(False, False),
        ),
        (
            ["[http @ 0x1] [error] Stream ends prematurely at 10, should be 18446744073709551615"],
            *(0, True, "the stream ended", True, False),
        ),
        (
            ["[tcp @ 0x1] [error] Connection to tcp://h:1 failed: Connection refused"],
            *(1, False, "connection refused: nothing listens there", False, False),
        ),
        (
            ["[error] x: Invalid data found when processing input"],
            *(1, False, "it is no audio that ffmpeg can read", False, True),
        ),
        (
            ["[fatal] Stream map '0:a:0' matches no streams."],
            *(1, False, "there is no audio track in it", False, True),
        ),
        (["[info] all is well"], 0, False, "it holds no audio samples", False, True),
        (["[error] a new sort of trouble"], 1, False, "a new sort of trouble", False, False),
        ([], -9, False, "ffmpeg ended with exit code -9", False, False),
    ],
)
def test_the_log_is_put_into_words(
    lines: list[str],
    exit_code: int,
    had_audio: bool,
    reason: str,
    complete: bool,
    no_audio: bool,
) -> None:
    verdict = diagnose(lines, exit_code, had_audio=had_audio)
    assert (verdict.reason, verdict.complete, verdict.no_audio) == (reason, complete, no_audio)


def test_a_live_stream_states_no_duration() -> None:
    assert duration("[info]   Duration: 01:02:03.50, start: 0") == timedelta(seconds=3723.5)
    assert duration("[info]   Duration: N/A, start: 0") is None


def test_a_wrong_path_of_ffmpeg_is_named() -> None:
    with pytest.raises(ConfigurationError, match="/no/such/ffmpeg"):
        find_ffmpeg("/no/such/ffmpeg")
