"""Hub ids and paths are told apart, and a hub that is away is waited for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tonewatch.inference.engines import _hub
from tonewatch.shared.errors import EngineError, UnavailableError

Fetch = Callable[..., str]


@pytest.mark.parametrize("model", ["./m", "../m", "/models/e2v", "~/e2v", "e2v", "a/b/c", "a b/c"])
def test_what_cannot_be_a_hub_id_is_a_path(model: str) -> None:
    assert _hub.is_path(model)


def test_owner_and_name_is_a_hub_id_unless_it_exists_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert not _hub.is_path("iic/emotion2vec_plus_large")
    (tmp_path / "iic" / "emotion2vec_plus_large").mkdir(parents=True)
    assert _hub.is_path("iic/emotion2vec_plus_large")


def use(monkeypatch: pytest.MonkeyPatch, fetch: Fetch) -> None:
    monkeypatch.setattr(_hub, "_snapshot", lambda _hub_name: fetch)


def fill(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("config.yaml", "tokens.txt", "model.pt"):
        (folder / name).write_bytes(b"x" * 1000)
    return str(folder)


def test_a_complete_earlier_download_needs_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(_model: str, *, cache_dir: str, local_files_only: bool = False, **_: Any) -> str:
        assert local_files_only
        return fill(Path(cache_dir) / "there")

    use(monkeypatch, fetch)
    assert _hub.download("iic/x", "ms", tmp_path, print) == tmp_path / "there"


def test_a_broken_off_download_is_completed_and_its_progress_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_hub, "PROGRESS_SECONDS", 0.01)
    told: list[str] = []

    def fetch(_model: str, *, cache_dir: str, local_files_only: bool = False, **_: Any) -> str:
        folder = Path(cache_dir) / "part"
        folder.mkdir(exist_ok=True)
        if local_files_only:
            return str(folder)
        (folder / "model.pt").write_bytes(bytes(2_000_000))
        while not any("2 MB" in line for line in told):
            pass
        return fill(folder)

    use(monkeypatch, fetch)
    assert _hub.download("iic/x", "ms", tmp_path, told.append) == tmp_path / "part"
    assert told[0] == "downloading iic/x from ModelScope"


def test_the_other_hubs_name_of_the_model_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def fetch(model: str, **_: Any) -> str:
        asked.append(model)
        return fill(tmp_path)

    use(monkeypatch, fetch)
    _hub.download("iic/emotion2vec_plus_base", "hf", tmp_path, print)
    assert asked == ["emotion2vec/emotion2vec_plus_base"]


@pytest.mark.parametrize(
    ("model", "hub", "resolved", "pinned"),
    [
        ("large", "ms", "iic/emotion2vec_plus_large", "master"),
        ("iic/emotion2vec_plus_large", "hf", "emotion2vec/emotion2vec_plus_large", "6c303ba"),
        ("base", "hf", "emotion2vec/emotion2vec_plus_base", "b318240"),
        ("seed", "hf", "emotion2vec/emotion2vec_plus_seed", "main"),
        ("acme/our-own", "hf", "acme/our-own", "main"),
    ],
)
def test_a_model_has_its_hubs_name_and_a_revision(
    model: str, hub: _hub.Hub, resolved: str, pinned: str
) -> None:
    name, revision = _hub.resolve(model, hub, "")
    assert (name, revision[:7]) == (resolved, pinned[:7])
    assert _hub.resolve(model, hub, "v9") == (resolved, "v9")
    assert not _hub.is_path(model)


def test_the_revision_is_asked_for_and_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, bool]] = []

    def fetch(_model: str, *, revision: str, local_files_only: bool = False, **_: Any) -> str:
        asked.append((revision, local_files_only))
        if local_files_only:
            raise FileNotFoundError
        return fill(tmp_path)

    use(monkeypatch, fetch)
    _hub.download("iic/x", "ms", tmp_path, print, "v2")
    assert asked == [("v2", True), ("v2", False)]


def test_a_hub_that_is_away_is_worth_another_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(_model: str, **_: Any) -> str:
        raise ConnectionError("no route to host")

    use(monkeypatch, fetch)
    with pytest.raises(UnavailableError, match=r"no route to host.*without a network"):
        _hub.download("iic/x", "ms", tmp_path, print)


def test_a_model_that_the_hub_does_not_have_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NotExistError(Exception):
        """Named as ModelScope's."""

    def fetch(_model: str, **_: Any) -> str:
        raise NotExistError("404")

    use(monkeypatch, fetch)
    with pytest.raises(EngineError, match="has no model iic/x of revision master, and"):
        _hub.download("iic/x", "ms", tmp_path, print)
