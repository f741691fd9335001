"""The suite's own token: what its services show each other, so that nobody else is answered.

It is given by `token` of the settings, or kept in the file that `token_file` names. That file is
made by whoever of the suite comes first: written beside it and then linked to its name, which only
one can do, so that however many start at once, all read the same whole token.
"""

import contextlib
import os
import re
import secrets
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from tonewatch.shared.errors import ConfigurationError
from tonewatch.shared.settings import Settings

TOKEN_BYTES: Final = 32
FILE_MODE: Final = 0o600
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]{16,512}")
"""What an Authorization header can carry (RFC 6750), and not so short that it can be guessed."""


def suite_token(settings: Settings) -> SecretStr | None:
    """The token by these settings, None if they name none; makes the file if it is not there.

    Raises:
        ConfigurationError: the token is too short or has other characters, or the file cannot be
            read or made.
    """
    if settings.token is not None:
        return _checked(settings.token.get_secret_value(), "the setting token")
    if settings.token_file is not None:
        return kept_token(settings.token_file)
    return None


def kept_token(file: Path) -> SecretStr:
    """The token in a file, which is made (for this user only) if it is not there.

    Raises:
        ConfigurationError: what is there is no token, or the file cannot be read or made.
    """
    try:
        if not file.exists():
            _make(file)
        return _checked(file.read_text(encoding="ascii", errors="replace"), f"the file {file}")
    except OSError as error:
        raise ConfigurationError(
            f"the token file {file} cannot be used: {error.strerror}; every service of the suite "
            f"must run as a user who may read it"
        ) from error


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    try:
        with os.fdopen(descriptor, "w") as out:
            out.write(secrets.token_urlsafe(TOKEN_BYTES) + "\n")
            out.flush()
            os.fsync(descriptor)
        with contextlib.suppress(FileExistsError):  # another was first: theirs is the token
            os.link(draft, file)
    finally:
        draft.unlink()


def _checked(text: str, where: str) -> SecretStr:
    token = text.strip()
    if not _TOKEN.fullmatch(token):
        raise ConfigurationError(
            f"{where} holds no usable token: write 16 or more letters, digits or any of ._~+/=- "
            f"(such as `openssl rand -hex 32` prints), the same for every service"
        )
    return SecretStr(token)
