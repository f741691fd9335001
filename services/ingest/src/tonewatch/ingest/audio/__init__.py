"""From PCM to one-second pieces with what VAD heard in them."""

from tonewatch.ingest.audio.framing import Piece, TrackCutter
from tonewatch.ingest.audio.segmenter import Segmenter
from tonewatch.ingest.audio.vad import VoiceDetector

__all__ = ["Piece", "Segmenter", "TrackCutter", "VoiceDetector"]
