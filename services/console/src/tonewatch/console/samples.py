"""The recordings that can be tried with one click: files that ship with the package."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).parent
FOLDERS: Final = (_PACKAGE / "samples", _PACKAGE.parents[2] / "samples")
"""Inside the installed package; beside it in a checkout."""


def find_samples() -> Mapping[str, Path]:
    """Samples by name (the file's name without `.flac`), in order of their names."""
    folder = next((folder for folder in FOLDERS if folder.is_dir()), None)
    found = sorted(folder.glob("*.flac")) if folder else []
    return {path.stem: path for path in found}
