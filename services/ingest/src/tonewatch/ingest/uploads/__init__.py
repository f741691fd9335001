"""Recordings that users upload: spooled to disk, decoded, published as fast as they are scored."""

from tonewatch.ingest.uploads.form import ReceivedFile, receive
from tonewatch.ingest.uploads.intake import UploadLimits, Uploads
from tonewatch.ingest.uploads.opening import Recording
from tonewatch.ingest.uploads.store import Upload, UploadState, UploadStore

__all__ = [
    "ReceivedFile",
    "Recording",
    "Upload",
    "UploadLimits",
    "UploadState",
    "UploadStore",
    "Uploads",
    "receive",
]
