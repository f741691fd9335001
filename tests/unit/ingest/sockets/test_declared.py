"""Socket sources in the sources file."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tonewatch.ingest.sources import Source, SourceKind, hash_key, read_declared
from tonewatch.shared.errors import ConfigurationError

UUID = "3f0c1d52-8a7e-4c7b-9e55-0b6f4f7f2a10"


def read(tmp_path: Path, entry: str) -> Source:
    path = tmp_path / "sources.yaml"
    path.write_text(f"sources:\n  - name: a\n{entry}")
    (source,) = read_declared(path, datetime(2026, 1, 4, tzinfo=UTC)).sources
    return source


def test_a_websocket_source(tmp_path: Path) -> None:
    source = read(tmp_path, "    kind: websocket\n    stream_key: sixteen-characters\n")
    assert source.kind is SourceKind.WEBSOCKET
    assert source.key_hash == hash_key("sixteen-characters")


@pytest.mark.parametrize("written", [UUID, UUID.upper(), UUID.replace("-", "")])
def test_a_uuid_is_the_same_however_it_is_written(tmp_path: Path, written: str) -> None:
    source = read(tmp_path, f"    kind: audiosocket\n    stream_key: {written}\n")
    assert (source.kind, source.key_hash) == (SourceKind.AUDIOSOCKET, hash_key(UUID))


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("    kind: audiosocket\n    stream_key: sixteen-characters\n", "must be a UUID"),
        ("    kind: audiosocket\n    channels: left=customer,right=agent\n", "one channel"),
        ("    kind: websocket\n    url: https://a.example/b\n", "have no url"),
        ("    kind: socket\n", "kind"),
    ],
)
def test_what_a_kind_cannot_have_is_refused(tmp_path: Path, entry: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        read(tmp_path, entry)
    assert "sixteen" not in caught.value.message
