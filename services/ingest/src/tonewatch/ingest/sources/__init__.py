"""Sources: what they are, where they are kept, and how they are declared."""

from tonewatch.ingest.sources.declared import Declared, read_declared
from tonewatch.ingest.sources.keys import hash_key, new_key
from tonewatch.ingest.sources.model import UPLOAD_SOURCE_ID, Origin, Source, SourceKind, checked_url
from tonewatch.ingest.sources.repository import SourceRepository

__all__ = [
    "UPLOAD_SOURCE_ID",
    "Declared",
    "Origin",
    "Source",
    "SourceKind",
    "SourceRepository",
    "checked_url",
    "hash_key",
    "new_key",
    "read_declared",
]
