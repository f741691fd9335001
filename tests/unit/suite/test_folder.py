import stat
from pathlib import Path

import pytest

from tonewatch.shared.errors import ConfigurationError
from tonewatch.suite.folder import DataFolder, repository_root


def test_two_suites_cannot_own_one_folder(tmp_path: Path) -> None:
    with (
        DataFolder(tmp_path / "data").owned(),
        pytest.raises(ConfigurationError, match="another Tonewatch runs with"),
        DataFolder(tmp_path / "data").owned(),
    ):
        pass
    with DataFolder(tmp_path / "data").owned():
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ConfigurationError, match="cannot be written"),
        DataFolder(tmp_path / "file" / "data").owned(),
    ):
        pass


def test_defaults_are_copied_once_and_then_the_users_own(tmp_path: Path) -> None:
    defaults, folder = tmp_path / "config", DataFolder(tmp_path)
    defaults.mkdir()
    (defaults / "rules.yaml").write_text("rules: []\n")
    assert folder.add_missing_configuration(defaults) == [tmp_path / "rules.yaml"]
    folder.rules_file.write_text("rules: [mine]\n")
    assert folder.add_missing_configuration(defaults) == []
    assert folder.rules_file.read_text() == "rules: [mine]\n"


def test_the_demo_secret_is_made_once_for_this_user_only(tmp_path: Path) -> None:
    secret = DataFolder(tmp_path).webhook_secret
    assert secret.startswith("whsec_")
    assert DataFolder(tmp_path).webhook_secret == secret
    assert stat.S_IMODE((tmp_path / "demo-webhook-secret").stat().st_mode) == 0o600


def test_the_link_of_the_first_admin_is_read_while_it_is_there(tmp_path: Path) -> None:
    def link() -> str | None:
        return DataFolder(tmp_path).first_sign_in

    assert link() is None
    file = tmp_path / "console" / "first-sign-in"
    file.parent.mkdir()
    file.write_text("http://127.0.0.1:7860/welcome#once\n")
    assert link() == "http://127.0.0.1:7860/welcome#once"
    file.unlink()
    assert link() is None


def test_a_root_that_is_no_clone_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONEWATCH_ROOT", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"run\.sh"):
        repository_root()
