"""Samples are found where they ship."""

from pathlib import Path

import pytest

from tonewatch.console import samples


def test_samples_are_named_after_their_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("b_calm.flac", "a-angry.flac", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    monkeypatch.setattr(samples, "FOLDERS", (tmp_path / "absent", tmp_path))
    assert list(samples.find_samples()) == ["a-angry", "b_calm"]


def test_a_console_without_samples_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "FOLDERS", (tmp_path / "absent",))
    assert samples.find_samples() == {}
