"""Clips encrypted at rest, by Fernet (AES-128-CBC and HMAC-SHA256) of `cryptography`."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from tonewatch.shared.errors import ConfigurationError, ConflictError


class ClipUnreadableError(ConflictError):
    """The clip cannot be decrypted with the keys that are set, or was changed where it lies."""


class Cipher:
    """Encrypts with the first key, decrypts with any: a key is changed by putting one before it."""

    def __init__(self, keys: SecretStr | None) -> None:
        """Build it; without keys it leaves clips as they are.

        Raises:
            ConfigurationError: one of the keys is none.
        """
        self._fernet = None if keys is None else _fernet(keys.get_secret_value())

    @property
    def is_on(self) -> bool:
        """Whether new clips are encrypted."""
        return self._fernet is not None

    def encrypt(self, clip: bytes) -> bytes:
        """The clip as it is kept."""
        return clip if self._fernet is None else self._fernet.encrypt(clip)

    def decrypt(self, kept: bytes) -> bytes:
        """The clip again.

        Raises:
            ClipUnreadableError: no key fits, or it was changed where it lies.
        """
        if self._fernet is None:
            raise ClipUnreadableError(
                "the clip is encrypted, and storage.evidence.keys is not set: set its key again"
            )
        try:
            return self._fernet.decrypt(kept)
        except InvalidToken as error:
            raise ClipUnreadableError from error


def _fernet(text: str) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in text.split()])
    except ValueError as error:
        raise ConfigurationError(
            "storage.evidence.keys: a key is 32 bytes in URL-safe base64; make one with "
            '`python -c "from cryptography.fernet import Fernet; '
            'print(Fernet.generate_key().decode())"`'
        ) from error
