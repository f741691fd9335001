"""The address guard of pulled URLs: whatever ffmpeg opens, the operator has allowed."""

from tonewatch.ingest.guard.recordings import checked_name
from tonewatch.ingest.guard.ways import Guard, Way, direct

__all__ = ["Guard", "Way", "checked_name", "direct"]
