"""The first sign-in: while no admin exists, a one-time link stands in the log and in a file."""

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Final

from tonewatch.console.auth.accounts import Accounts
from tonewatch.console.auth.links import Links
from tonewatch.shared.errors import ConfigurationError
from tonewatch.shared.logging import get_logger

FILE: Final = "first-sign-in"

log = get_logger(__name__)


class FirstSignIn:
    """Announces the link that makes the first admin, and takes it away when it is used.

    Args:
        folder: where the file lies; only its owner may read it.
        base_url: of the console, as people reach it.
    """

    def __init__(self, accounts: Accounts, links: Links, folder: Path, base_url: str) -> None:
        self._accounts = accounts
        self._links = links
        self._file = folder / FILE
        self._base_url = base_url.rstrip("/")

    async def announce(self) -> None:
        """Make a new link if there is no admin; take an old one away if there is.

        Raises:
            ConfigurationError: the file cannot be written.
        """
        if await self._accounts.has_admin():
            await self.done()
            return
        link = await self._links.make(None)
        url = self._base_url + link.path
        try:
            _write(self._file, url + "\n")
        except OSError as error:
            raise ConfigurationError(
                f"cannot write {self._file} ({error.strerror}); set data_dir to a writable folder"
            ) from error
        log.warning("nobody can sign in yet; open the link to make the first admin", link=url)

    async def done(self) -> None:
        """There is an admin: the link is void and the file goes away."""
        await self._links.void_first()
        with contextlib.suppress(FileNotFoundError):
            self._file.unlink()


def _write(path: Path, text: str) -> None:
    """Put a file in place, all at once, that only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp makes it with mode 0600
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    Path(temporary).replace(path)
