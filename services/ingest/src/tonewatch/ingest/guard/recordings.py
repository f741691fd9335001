"""Files of the folder that the operator set: opened below it, never outside.

Each part of the name is opened in its turn without following links, and ffmpeg gets the open file,
so nothing that is swapped afterwards leads elsewhere.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from tonewatch.shared.errors import ConfigurationError, ForbiddenAddressError, UnavailableError

_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def checked_name(name: str) -> PurePosixPath:
    """A name below the folder.

    Raises:
        ForbiddenAddressError: it would lead out of the folder.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
        raise ForbiddenAddressError(
            f"file:{name} is no file below the recordings folder: give its name relative to the "
            "folder, without .. and no / at its beginning"
        )
    return path


@contextmanager
def opened(folder: Path | None, name: str) -> Iterator[int]:
    """The descriptor of a recording.

    Raises:
        ConfigurationError: there is no such folder.
        ForbiddenAddressError: the name leads out of the folder, or over a symbolic link.
        UnavailableError: there is no such file; it may yet come.
    """
    if folder is None:
        raise ConfigurationError("file: needs a recordings folder; set ingest.recordings_dir")
    path = checked_name(name)
    try:
        at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigurationError(f"the recordings folder {folder}: {error.strerror}") from error
    try:
        for part in path.parts:
            inner = _open(part, at, name)
            os.close(at)
            at = inner
        if not stat.S_ISREG(os.fstat(at).st_mode):
            raise ForbiddenAddressError(f"file:{name} is no regular file")
        yield at
    finally:
        os.close(at)


def _open(part: str, folder: int, name: str) -> int:
    try:
        status = os.stat(part, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            raise ForbiddenAddressError(f"file:{name} leads over a symbolic link ({part})")
        return os.open(part, _FLAGS, dir_fd=folder)
    except OSError as error:
        raise UnavailableError(f"file:{name} cannot be opened: {error.strerror}") from error
