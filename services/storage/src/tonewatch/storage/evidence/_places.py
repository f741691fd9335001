"""Where clips lie: a folder, or a bucket of an S3-compatible store (through obstore)."""

import asyncio
import os
from pathlib import Path
from typing import Any, Final, Protocol

from tonewatch.shared.errors import ConfigurationError, NotFoundError, UnavailableError

FOLDER: Final = "clips"


class PlaceUnavailableError(UnavailableError):
    """Clips can neither be written nor read now."""


class Place(Protocol):
    """Keeps files by name; a file is there whole or not at all.

    Every method raises PlaceUnavailableError when the place does not serve.
    """

    async def put(self, name: str, content: bytes) -> None:
        """Write or replace a file."""

    async def get(self, name: str) -> bytes:
        """Read a file; NotFoundError if there is none."""

    async def remove(self, name: str) -> None:
        """Remove a file; nothing happens if there is none."""


class Folder:
    """A folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, name: str, content: bytes) -> None:
        """Under a name of its own first, then renamed."""
        await self._run(_write, self._root / name, content)

    async def get(self, name: str) -> bytes:
        """Read it in a thread."""
        content: bytes = await self._run((self._root / name).read_bytes)
        return content

    async def remove(self, name: str) -> None:
        """Remove it, and its folder if that was the last file."""
        await self._run(_remove, self._root / name)

    @staticmethod
    async def _run(work: Any, *arguments: Any) -> Any:
        try:
            return await asyncio.to_thread(work, *arguments)
        except FileNotFoundError as error:
            raise NotFoundError("the clip's file is not there any more") from error
        except OSError as error:
            raise PlaceUnavailableError(f"the folder of clips: {error.strerror}") from error


class Bucket:
    """A store of obstore, below whatever prefix it was opened with."""

    def __init__(self, store: Any) -> None:
        self._store = store

    async def put(self, name: str, content: bytes) -> None:
        """One upload: the store shows it when it is complete."""
        await self._run(self._store.put_async(name, content))

    async def get(self, name: str) -> bytes:
        """One download."""
        answer = await self._run(self._store.get_async(name))
        return bytes(await self._run(answer.bytes_async()))

    async def remove(self, name: str) -> None:
        """One request."""
        try:
            await self._run(self._store.delete_async(name))
        except NotFoundError:
            return

    @staticmethod
    async def _run(request: Any) -> Any:
        from obstore.exceptions import BaseError  # noqa: PLC0415 - optional

        try:
            return await request
        except FileNotFoundError as error:
            raise NotFoundError("the clip is not in the bucket any more") from error
        except (BaseError, OSError) as error:
            raise PlaceUnavailableError(f"the bucket of clips: {_first_line(error)}") from error


def place_of(bucket: str | None, data_dir: Path) -> Place:
    """The place that the settings name.

    Raises:
        ConfigurationError: the bucket's URL cannot be used, or obstore is not installed.
    """
    if bucket is None:
        return Folder(data_dir / FOLDER)
    try:
        from obstore.exceptions import BaseError  # noqa: PLC0415 - optional
        from obstore.store import from_url  # noqa: PLC0415 - optional
    except ImportError as error:
        raise ConfigurationError(
            "storage.evidence.bucket needs obstore: install tonewatch-storage[s3]"
        ) from error
    try:
        return Bucket(from_url(bucket))
    except (BaseError, ValueError) as error:
        raise ConfigurationError(f"storage.evidence.bucket: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    if path.parent.is_dir() and not any(path.parent.iterdir()):
        path.parent.rmdir()
