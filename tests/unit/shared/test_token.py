"""The suite's own token: where it comes from, and that there is one however many make it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from pydantic import SecretStr

from tonewatch.shared.errors import ConfigurationError
from tonewatch.shared.settings import Settings
from tonewatch.shared.token import kept_token, suite_token

GIVEN: Final = "0123456789abcdef-given"
STARTERS: Final = 8

MAKE: Final = """
import sys
from pathlib import Path
from tonewatch.shared.token import kept_token
print("ready", flush=True)
sys.stdin.readline()
for name in range(20):
    print(kept_token(Path(sys.argv[1]) / f"token-{name}").get_secret_value())
"""


def value(token: SecretStr | None) -> str | None:
    return None if token is None else token.get_secret_value()


def test_without_settings_there_is_none() -> None:
    assert suite_token(Settings()) is None


def test_the_file_is_made_for_this_user_only_and_read_again(tmp_path: Path) -> None:
    file = tmp_path / "made too" / "token"
    made = suite_token(Settings(token_file=file))
    assert made is not None
    assert len(made.get_secret_value()) >= 43
    assert file.stat().st_mode & 0o777 == 0o600
    assert suite_token(Settings(token_file=file)) == made
    assert kept_token(tmp_path / "another") != made
    assert [each.name for each in file.parent.iterdir()] == ["token"]


def test_a_given_token_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONEWATCH_TOKEN", f" {GIVEN}\n")
    monkeypatch.setenv("TONEWATCH_TOKEN_FILE", str(tmp_path / "token"))
    assert value(suite_token(Settings.load())) == GIVEN
    assert list(tmp_path.iterdir()) == []


def test_all_that_start_at_once_have_the_same_token(tmp_path: Path) -> None:
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", MAKE, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(STARTERS)
    ]
    for starter in starters:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "ready\n"
    for starter in starters:
        assert starter.stdin is not None
        starter.stdin.write("\n")
        starter.stdin.flush()
    said = {starter.communicate()[0] for starter in starters}
    assert {starter.returncode for starter in starters} == {0}
    (tokens,) = said
    assert len(set(tokens.split())) == 20


def test_who_comes_second_takes_the_token_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, fsync = tmp_path / "token", os.fsync

    def be_overtaken(descriptor: int) -> None:
        fsync(descriptor)
        file.write_text(GIVEN)

    monkeypatch.setattr(os, "fsync", be_overtaken)
    assert value(kept_token(file)) == file.read_text() == GIVEN
    assert [each.name for each in tmp_path.iterdir()] == ["token"]


@pytest.mark.parametrize(
    "text", ["", "short", "sixteen letters and spaces", "schlüssel-0123456789"]
)
def test_what_is_no_token_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    file = tmp_path / "token"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="no usable token") as caught:
        kept_token(file)
    assert str(file) in caught.value.message
    assert not text or text not in caught.value.message
    with pytest.raises(ConfigurationError, match="the setting token"):
        suite_token(Settings(token=SecretStr(text)))


def test_a_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=f"{tmp_path}/file/token cannot be used"):
        kept_token(tmp_path / "file" / "token")
