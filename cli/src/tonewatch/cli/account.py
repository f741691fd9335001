"""Which console the command talks to and with which key, and where that is kept.

`TONEWATCH_URL` and `TONEWATCH_KEY` come before what `tonewatch login` kept. The kept key goes to
the kept address only: another address in `TONEWATCH_URL` needs a key of its own.
"""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import platformdirs
from pydantic import SecretStr

from tonewatch.cli.errors import CliError, MisusedError

URL_VARIABLE: Final = "TONEWATCH_URL"
KEY_VARIABLE: Final = "TONEWATCH_KEY"
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Account:
    """A console's address, without a slash at its end, and an API key."""

    url: str
    key: SecretStr

    @property
    def is_open_to_listeners(self) -> bool:
        """Whether the key goes over a network unencrypted."""
        parts = urlsplit(self.url)
        return parts.scheme == "http" and parts.hostname not in LOOPBACK


def account_file() -> Path:
    """Where the account is kept, in the user's folder of configuration."""
    return platformdirs.user_config_path("tonewatch", appauthor=False) / "login.json"


def checked_url(text: str) -> str:
    """An address in the one form that is kept.

    Raises:
        MisusedError: it is none.
    """
    text = text.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or "@" in parts.netloc or parts.query or parts.fragment:
        raise MisusedError("error.url", url=text)
    return text


def current_account(environ: Mapping[str, str], file: Path) -> Account:
    """The account of the environment, else the one that is kept.

    Raises:
        MisusedError: there is neither, or the environment names an address without a key.
        CliError: the file cannot be read.
    """
    kept = kept_account(file)
    url, key = environ.get(URL_VARIABLE, ""), environ.get(KEY_VARIABLE, "")
    if url:
        url = checked_url(url)
        if key:
            return Account(url, SecretStr(key.strip()))
        if kept is not None and kept.url == url:
            return kept
        raise MisusedError("error.no_key", url=url)
    if kept is None:
        raise MisusedError("error.no_login")
    return Account(kept.url, SecretStr(key.strip())) if key else kept


def kept_account(file: Path) -> Account | None:
    """What `tonewatch login` kept, None if nothing.

    Raises:
        CliError: the file cannot be read.
    """
    try:
        kept = json.loads(file.read_text("utf-8"))
        return Account(str(kept["url"]), SecretStr(str(kept["key"])))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CliError("error.file", file=file, reason=error) from error


def keep_account(file: Path, account: Account) -> None:
    """Keep an account, readable by this user only (mode 0600).

    Raises:
        CliError: the file cannot be written.
    """
    text = json.dumps({"url": account.url, "key": account.key.get_secret_value()})
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(text + "\n")
        draft.replace(file)
    except OSError as error:
        raise CliError("error.file", file=file, reason=error) from error
