"""What opens a door: made from the system's randomness, stored as a hash.

A plain SHA-256 is enough for these, other than for passwords: 256 random bits cannot be guessed.
"""

import hashlib
import hmac
import re
import secrets
from typing import Final

_KEY: Final = re.compile(r"tw_([0-9a-f]{12})_([\w-]{43})")


def new_token() -> str:
    """256 random bits, fit for a cookie and an address."""
    return secrets.token_urlsafe(32)


def hash_of(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_key() -> tuple[str, str, str]:
    """An API key: its id, its secret, and both as they are shown once."""
    key_id, secret = secrets.token_hex(6), new_token()
    return key_id, secret, f"tw_{key_id}_{secret}"


def parts_of_key(shown: str) -> tuple[str, str] | None:
    """Id and secret of an API key; None if it is none."""
    found = _KEY.fullmatch(shown)
    return None if found is None else (found[1], found[2])


def is_token(token: str, stored: str) -> bool:
    """Whether the stored hash is that of the token; takes the same time for all wrong ones."""
    return hmac.compare_digest(hash_of(token), stored)
