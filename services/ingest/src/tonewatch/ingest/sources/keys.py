"""Stream keys: random, shown once, kept as a hash only.

A key of 192 random bits cannot be guessed or looked up from its hash, so a fast hash is right here;
the hash is also the index by which a publisher's key is found.
"""

import hashlib
import secrets
from typing import Final
from uuid import UUID, uuid4

from tonewatch.shared.errors import InvalidInputError

KEY_BYTES: Final = 24
LEAST_KEY_CHARACTERS: Final = 16
"""For keys that a person writes into the sources file."""


def new_key() -> str:
    """A new stream key, safe in URLs."""
    return secrets.token_urlsafe(KEY_BYTES)


def new_uuid() -> str:
    """A new key for AudioSocket, which takes nothing but a UUID: 122 random bits."""
    return str(uuid4())


def uuid_key(text: str) -> str:
    """A UUID as the decoder of AudioSocket writes it, which sees only its 16 bytes.

    Raises:
        InvalidInputError: it is none.
    """
    try:
        return str(UUID(text))
    except ValueError:
        raise InvalidInputError("stream_key of an audiosocket source must be a UUID") from None


def hash_key(key: str) -> str:
    """What is stored instead of the key."""
    return hashlib.sha256(key.encode()).hexdigest()
