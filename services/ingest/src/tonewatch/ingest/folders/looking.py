"""Looks at a watched folder: which files are complete?

A PBX writes a recording over minutes, and nothing says when it is done. A file that kept its size
and its time for some seconds is taken for complete. Looking again and again also works on network
mounts, where the kernel tells nobody of what other machines write.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tonewatch.ingest.folders.declared import WatchedFolder


@dataclass(frozen=True, slots=True, order=True)
class Stamp:
    """By what a file is known to be the same as before; oldest first."""

    mtime_ns: int
    size_bytes: int


class Look:
    """Remembers how long the files of one folder have been as they are."""

    def __init__(self, folder: WatchedFolder, settle_seconds: float) -> None:
        self.folder = folder
        self._settle_seconds = settle_seconds
        self._seen: dict[Path, tuple[Stamp, float]] = {}
        self._done: dict[Path, Stamp] = {}

    def complete(self, now: float) -> list[tuple[Path, Stamp]]:
        """Files that did not change for long enough and are not done with, oldest first.

        Raises:
            OSError: the folder cannot be read.
        """
        found = dict(_files(self.folder))
        self._seen = {
            path: self._seen[path] if self._is_same(path, stamp) else (stamp, now)
            for path, stamp in found.items()
        }
        self._done = {path: stamp for path, stamp in self._done.items() if path in found}
        ready = [
            (path, stamp)
            for path, (stamp, since) in self._seen.items()
            if now - since >= self._settle_seconds and self._done.get(path) != stamp
        ]
        return sorted(ready, key=lambda pair: (pair[1], pair[0]))

    def done(self, path: Path, stamp: Stamp) -> None:
        """Do not name this file again unless it changes."""
        self._done[path] = stamp

    def _is_same(self, path: Path, stamp: Stamp) -> bool:
        return path in self._seen and self._seen[path][0] == stamp


def _files(folder: WatchedFolder) -> Iterator[tuple[Path, Stamp]]:
    with os.scandir(folder.path) as entries:
        for entry in entries:
            if not folder.wants(entry.name):
                continue
            try:
                # a link could lead out of the folder
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(found.st_mode):
                yield folder.path / entry.name, Stamp(found.st_mtime_ns, found.st_size)
