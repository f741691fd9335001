"""Stream keys: random, shown once, kept as a hash only.

A key of 192 random bits cannot be guessed or looked up from its hash, so a fast hash is right here;
the hash is also the index by which a publisher's key is found.
"""

import hashlib
import secrets
from typing import Final

KEY_BYTES: Final = 24
LEAST_KEY_CHARACTERS: Final = 16
"""For keys that a person writes into the sources file."""


def new_key() -> str:
    """A new stream key, safe in URLs."""
    return secrets.token_urlsafe(KEY_BYTES)


def hash_key(key: str) -> str:
    """What is stored instead of the key."""
    return hashlib.sha256(key.encode()).hexdigest()
