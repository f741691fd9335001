"""Sources: what they are, where they are kept, and how they are declared."""

from tonewatch.ingest.sources.audit import AuditEntry, AuditLog
from tonewatch.ingest.sources.declared import Declared, read_declared
from tonewatch.ingest.sources.keys import hash_key, new_key, new_uuid
from tonewatch.ingest.sources.labels import permitted_labels
from tonewatch.ingest.sources.model import (
    KEYED,
    UPLOAD_SOURCE_ID,
    Origin,
    Source,
    SourceKind,
    check_voices,
)
from tonewatch.ingest.sources.repository import SourceRepository, columns_of
from tonewatch.ingest.sources.urls import PULL_PROTOCOLS, PullProtocol, PullRules, checked_url
from tonewatch.ingest.sources.voices import Layout, Voices

__all__ = [
    "KEYED",
    "PULL_PROTOCOLS",
    "UPLOAD_SOURCE_ID",
    "AuditEntry",
    "AuditLog",
    "Declared",
    "Layout",
    "Origin",
    "PullProtocol",
    "PullRules",
    "Source",
    "SourceKind",
    "SourceRepository",
    "Voices",
    "check_voices",
    "checked_url",
    "columns_of",
    "hash_key",
    "new_key",
    "new_uuid",
    "permitted_labels",
    "read_declared",
]
