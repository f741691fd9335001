"""The data folder of one suite: who uses it, its configuration files, its demo secret."""

import base64
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tonewatch.shared.errors import ConfigurationError

CONFIG_FILES: Final = ("rules.yaml", "sources.yaml")
SECRET_BYTES: Final = 24


def repository_root() -> Path:
    """Where the clone lies that this suite runs from.

    Raises:
        ConfigurationError: it does not run from one.
    """
    root = Path(os.environ.get("TONEWATCH_ROOT") or Path(__file__).resolve().parents[4])
    if not (root / "deploy").is_dir():
        raise ConfigurationError(
            f"{root} is no clone of Tonewatch: start the suite with its ./run.sh, or name the "
            f"clone in TONEWATCH_ROOT"
        )
    return root


class DataFolder:
    """A folder that one running suite owns; made if it is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    @property
    def rules_file(self) -> Path:
        """The rules in force; made from the defaults, then the user's own."""
        return self.path / "rules.yaml"

    @property
    def sources_file(self) -> Path:
        """The declared sources; made from the defaults, then the user's own."""
        return self.path / "sources.yaml"

    @property
    def token_file(self) -> Path:
        """What this suite's services show each other; made at the first start."""
        return self.path / "token"

    @property
    def first_sign_in(self) -> str | None:
        """The link by which the first admin signs in at the console; gone once it was used."""
        try:
            return (self.path / "console" / "first-sign-in").read_text().strip() or None
        except FileNotFoundError:
            return None

    @property
    def webhook_secret(self) -> str:
        """What the demo's webhooks are signed with: made once, readable by this user only."""
        file = self.path / "demo-webhook-secret"
        if not file.exists():
            value = "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as out:
                out.write(value)
        return file.read_text().strip()

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Keep other suites out while this one runs.

        Raises:
            ConfigurationError: another one runs with this folder, or it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / ".lock").open("w")
        except OSError as error:
            raise ConfigurationError(
                f"the data folder {self.path} cannot be written: {error.strerror}"
            ) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigurationError(
                    f"another Tonewatch runs with the data folder {self.path}; stop it, or choose "
                    f"another folder with --data and other ports with --port-offset"
                ) from None
            yield

    def add_missing_configuration(self, defaults: Path) -> list[Path]:
        """Copy the default files that are not there yet; returns the new ones."""
        added = []
        for name in CONFIG_FILES:
            source, target = defaults / name, self.path / name
            if source.is_file() and not target.exists():
                shutil.copyfile(source, target)
                added.append(target)
        return added
