"""Passwords through argon2 (RFC 9106), in threads, a few at once: each takes 64 MiB and a core."""

import asyncio
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tonewatch.shared.errors import InvalidInputError

SHORTEST: Final = 10
LONGEST: Final = 256
AT_ONCE: Final = 2


class Passwords:
    """Makes and checks hashes of passwords."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def hash(self, password: str) -> str:
        """What is stored of a password."""
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether it is the password; without a stored hash it is not, after the same time."""
        async with self._turns:
            return await asyncio.to_thread(self._verify, password, stored)

    def _verify(self, password: str, stored: str | None) -> bool:
        try:
            self._hasher.verify(_of_nobody() if stored is None else stored, password)
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None


def check_password(password: str, name: str) -> None:
    """Refuse what is too easily guessed.

    Raises:
        InvalidInputError: says what is wrong with it.
    """
    if len(password) < SHORTEST:
        raise InvalidInputError(f"the password is too short; take at least {SHORTEST} characters")
    if len(password) > LONGEST:
        raise InvalidInputError(f"the password is too long; take at most {LONGEST} characters")
    if password.casefold() == name.casefold():
        raise InvalidInputError("the password must not be the name")
    if len(set(password)) == 1:
        raise InvalidInputError("the password must not be one character over and over")


@cache
def _of_nobody() -> str:
    return PasswordHasher().hash("nobody has this password")
