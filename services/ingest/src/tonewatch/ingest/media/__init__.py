"""ffmpeg as a child process: its command lines, its life, and what its last words mean."""

from tonewatch.ingest.media.command import file_argv, find_ffmpeg, pull_argv
from tonewatch.ingest.media.diagnosis import Verdict, diagnose
from tonewatch.ingest.media.process import AudioProcess

__all__ = ["AudioProcess", "Verdict", "diagnose", "file_argv", "find_ffmpeg", "pull_argv"]
