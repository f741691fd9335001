"""An encoder that is not the one that the figures were made with is refused."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from tonewatch.shared.errors import InvalidInputError
from tonewatch.training.start import WHISPER, fetch


def test_a_file_in_the_cache_is_used(tmp_path: Path) -> None:
    kept = tmp_path / Path(WHISPER.member).name
    kept.write_bytes(b"weights")
    published = replace(WHISPER, sha256=sha256(b"weights").hexdigest())
    assert fetch(published, tmp_path) == kept


def test_another_file_of_that_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / Path(WHISPER.member).name).write_bytes(b"something else")
    with pytest.raises(InvalidInputError, match="delete it"):
        fetch(WHISPER, tmp_path)
