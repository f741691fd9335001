"""ffmpeg as a child process: its command lines, its life, and what its last words mean."""

from tonewatch.ingest.media.abilities import require_protocol
from tonewatch.ingest.media.command import file_argv, find_ffmpeg, pull_argv
from tonewatch.ingest.media.diagnosis import Verdict, diagnose
from tonewatch.ingest.media.process import AudioProcess
from tonewatch.ingest.media.pump import Pump

__all__ = [
    "AudioProcess",
    "Pump",
    "Verdict",
    "diagnose",
    "file_argv",
    "find_ffmpeg",
    "pull_argv",
    "require_protocol",
]
