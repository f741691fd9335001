"""The sources file: what it may say, and errors that name the line."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tonewatch.ingest.sources import (
    Origin,
    Source,
    SourceKind,
    checked_url,
    hash_key,
    read_declared,
)
from tonewatch.shared.errors import ConfigurationError, InvalidInputError

NOW = datetime(2026, 1, 4, tzinfo=UTC)
KEY = "a-key-of-enough-length"


def read(tmp_path: Path, text: str) -> tuple[Source, ...]:
    path = tmp_path / "sources.yaml"
    path.write_text(text, encoding="utf-8")
    return read_declared(path, NOW).sources


def test_both_kinds_can_be_declared_and_keys_are_hashed(tmp_path: Path) -> None:
    text = f"""
sources:
  - name: 大厅
    url: https://radio.example/live
    labels: {{queue: front}}
  - name: studio
    stream_key: {KEY}
"""
    pull, rtmp = read(tmp_path, text)
    assert (pull.kind, pull.url, pull.labels) == (
        SourceKind.PULL,
        "https://radio.example/live",
        {"queue": "front"},
    )
    assert (rtmp.kind, rtmp.key_hash, rtmp.origin) == (SourceKind.RTMP, hash_key(KEY), Origin.FILE)
    assert KEY not in repr(rtmp)
    assert read(tmp_path, text)[0].id == pull.id, "the same name is the same source"


def test_an_empty_file_declares_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "# nothing yet\n") == ()


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("sources:\n  - name: a\n    urll: http://h/\n", 3, "urll: Extra inputs"),
        ("source:\n  - name: a\n", 1, "source: Extra inputs"),
        ("sources:\n  - name: a\n    kind: pull\n", 2, "a pull source needs a url"),
        ("sources:\n  - name: a\n    url: ftp://h/x\n", 2, "must begin with one of"),
        ("sources:\n  - name: a\n    stream_key: short\n", 3, "at least 16"),
        ("sources:\n  - name: a\n  - name: b\n  - name: a\n", 4, "used twice"),
        ("sources:\n  - name: [\n", 3, "not valid YAML"),
        ("sources:\n  - url: http://h/\n", 2, "name: Field required"),
        ("sources: 5\n", 1, "sources: Input should be a valid list"),
        ("- name: a\n", 1, "valid dictionary"),
    ],
)
def test_an_error_names_file_line_and_field(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, text)
    assert f"sources.yaml:{line}:" in caught.value.message
    assert words in caught.value.message


def test_an_error_shows_no_key(tmp_path: Path) -> None:
    text = f"sources:\n  - name: a\n    url: http://h/\n    stream_key: {KEY}\n"
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, text)
    assert KEY not in caught.value.message


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "concat:a|b", "http://", "http://h:99999/", "http://h/a b", "-i", "h/x"],
)
def test_urls_that_cannot_be_pulled_are_refused(url: str) -> None:
    with pytest.raises(InvalidInputError, match="url"):
        checked_url(url)
