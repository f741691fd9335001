"""From PCM to one-second pieces with what VAD heard in them."""

from tonewatch.ingest.audio.framing import Piece, Second, TrackCutter
from tonewatch.ingest.audio.hearing import Hearing
from tonewatch.ingest.audio.segmenter import Segmenter
from tonewatch.ingest.audio.vad import VoiceDetector

__all__ = ["Hearing", "Piece", "Second", "Segmenter", "TrackCutter", "VoiceDetector"]
