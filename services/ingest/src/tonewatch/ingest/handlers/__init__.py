"""The HTTP API of ingest."""

from tonewatch.ingest.handlers.audio import audio_routes
from tonewatch.ingest.handlers.rtmp import rtmp_routes
from tonewatch.ingest.handlers.sources import source_routes

__all__ = ["audio_routes", "rtmp_routes", "source_routes"]
