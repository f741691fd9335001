"""Embeddings on disk, removed with the rows that name them."""

from collections.abc import Iterable
from pathlib import Path

from tonewatch.storage.embeddings import FOLDER


def remove_embeddings(data_dir: Path, paths: Iterable[str]) -> int:
    """Remove these files below the folder of embeddings, and folders that are empty then.

    Paths came with messages, so one that leads elsewhere is left alone. Says how many files went.
    """
    root = (data_dir / FOLDER).resolve()
    removed = 0
    for path in set(paths):
        file = (data_dir / path).resolve()
        if not (file.is_relative_to(root) and file.is_file()):
            continue
        file.unlink()
        removed += 1
        if file.parent != root and not any(file.parent.iterdir()):
            file.parent.rmdir()
    return removed
