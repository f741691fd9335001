"""A whole emotion2vec+ directory, small and with random weights."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from scripts.make_random_emotion2vec import make
from tests.support.require import missing


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once for a module."""
    for package in ("torch", "funasr"):
        if find_spec(package) is None:
            missing(f"{package} is not installed (extra emotion2vec)")
    directory = tmp_path_factory.mktemp("emotion2vec")
    make(directory, tiny=True)
    return directory
