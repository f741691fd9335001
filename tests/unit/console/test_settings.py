"""The console's section of the settings."""

import pytest

from tonewatch.console.settings import ConsoleSettings
from tonewatch.shared.errors import ConfigurationError


def test_defaults_find_the_services_of_one_machine() -> None:
    options = ConsoleSettings.load().console
    assert options.port == 7860
    assert options.host == "127.0.0.1"
    assert options.storage_url == "http://127.0.0.1:8082"


@pytest.mark.parametrize("url", ["storage:8082", "ftp://storage", "http://", "http://a b"])
def test_an_address_that_is_no_url_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONEWATCH_CONSOLE__STORAGE_URL", url)
    with pytest.raises(ConfigurationError, match=r"console\.storage_url"):
        ConsoleSettings.load()
