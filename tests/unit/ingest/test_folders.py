"""Watched folders: which files are complete, and what their names say."""

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tonewatch.ingest.folders import WatchedFolder
from tonewatch.ingest.folders.looking import Look
from tonewatch.shared.messages import Speaker

SETTLES = 5.0


def folder(path: Path = Path("/calls"), **values: Any) -> WatchedFolder:
    return WatchedFolder.model_validate({"path": path, **values})


def names(look: Look, now: float) -> list[str]:
    return [path.name for path, _ in look.complete(now)]


def test_a_file_is_complete_when_it_has_not_changed_for_long_enough(tmp_path: Path) -> None:
    look, file = Look(folder(tmp_path), SETTLES), tmp_path / "a.wav"
    file.write_bytes(b"RIFF")
    assert names(look, now=0) == []
    assert names(look, now=4.9) == []
    file.write_bytes(b"RIFF and more")
    assert names(look, now=5.1) == []
    assert names(look, now=10.0) == []
    assert names(look, now=10.1) == ["a.wav"]


def test_a_new_time_alone_starts_the_wait_anew(tmp_path: Path) -> None:
    look, file = Look(folder(tmp_path), SETTLES), tmp_path / "a.wav"
    file.write_bytes(b"RIFF")
    look.complete(0)
    os.utime(file, ns=(1, 1))
    assert names(look, now=6) == []
    assert names(look, now=11) == ["a.wav"]


def test_what_is_done_with_comes_back_only_when_it_changes(tmp_path: Path) -> None:
    look, file = Look(folder(tmp_path), 0), tmp_path / "a.wav"
    file.write_bytes(b"RIFF")
    ((path, stamp),) = look.complete(0)
    look.done(path, stamp)
    assert names(look, now=1) == []
    file.write_bytes(b"another call")
    assert names(look, now=2) == ["a.wav"]


def test_the_oldest_files_come_first(tmp_path: Path) -> None:
    for name, time in (("c", 3), ("a", 2), ("b", 1)):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, ns=(time, time))
    assert names(Look(folder(tmp_path), 0), now=0) == ["b", "a", "c"]


def test_only_plain_files_of_the_wanted_names_are_looked_at(tmp_path: Path) -> None:
    for name in ("a.wav", "b.mp3", "c.txt", ".hidden.wav"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "d.wav").mkdir()
    (tmp_path / "e.wav").symlink_to(tmp_path / "c.txt")
    look = Look(folder(tmp_path, names=["*.wav", "*.mp3"]), 0)
    assert sorted(names(look, now=0)) == ["a.wav", "b.mp3"]


def test_labels_come_from_the_folder_and_from_the_name() -> None:
    watched = folder(
        labels={"site": "north", "queue": "any"},
        label_pattern=r"^(?P<queue>[a-z]+)-(?P<agent_id>\d+)(-(?P<order_id>\w+))?\.",
    )
    assert watched.labels_of("sales-1042.wav") == {
        "site": "north",
        "queue": "sales",
        "agent_id": "1042",
    }
    assert watched.labels_of("2026.wav") is None
    assert folder(labels={"site": "north"}).labels_of("2026.wav") == {"site": "north"}


def test_a_policy_in_yaml_may_say_off_without_quotes() -> None:
    stereo = "left=customer,right=agent"
    for off in ("off", False):
        watched = folder(channels=stereo, policy={"agent": off, "customer": "on"})
        assert watched.voices.monitored == (Speaker.CUSTOMER,)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"after": "move"}, "`after: move` and `move_to` belong together"),
        ({"move_to": "done"}, "`after: move` and `move_to` belong together"),
        ({"after": "move", "move_to": "/calls"}, "another folder"),
        ({"label_pattern": "("}, "no regular expression"),
        ({"label_pattern": r"\d+"}, "needs a named group"),
        ({"policy": {"agent": "off"}}, "has no channel in the layout mixed"),
        ({"name": "*.wav"}, "Extra inputs are not permitted"),
    ],
)
def test_a_folder_that_cannot_be_watched_as_said_is_refused(
    values: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        folder(**values)
