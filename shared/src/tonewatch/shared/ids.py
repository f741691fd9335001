"""Identifiers: time-ordered where a list is sorted by them, derived where repeats must agree."""

import uuid
from typing import Final

import uuid_utils

_NAMESPACE: Final = uuid.UUID("6f0a3f5e-8c0b-5b53-9a52-2f5d1d6f7a10")


def new_id() -> str:
    """A new id, 32 hex digits, ordered by time (UUIDv7, RFC 9562)."""
    return uuid_utils.uuid7().hex


def derived_id(*parts: str) -> str:
    """An id that is the same for the same parts (UUIDv5, RFC 9562)."""
    return uuid.uuid5(_NAMESPACE, "\x1f".join(parts)).hex
