"""The HTTP API of ingest."""

from tonewatch.ingest.handlers.addresses import Addresses
from tonewatch.ingest.handlers.audio import audio_routes
from tonewatch.ingest.handlers.audit import audit_routes
from tonewatch.ingest.handlers.rtmp import PREFIX as RTMP_PREFIX
from tonewatch.ingest.handlers.rtmp import rtmp_routes
from tonewatch.ingest.handlers.sources import source_routes
from tonewatch.ingest.handlers.watching import declaring_routes, watching_routes

__all__ = [
    "RTMP_PREFIX",
    "Addresses",
    "audio_routes",
    "audit_routes",
    "declaring_routes",
    "rtmp_routes",
    "source_routes",
    "watching_routes",
]
