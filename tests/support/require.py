"""What a test needs from the machine: a skip where it is absent, a failure where all must be there.

A skipped test looks like a passed one in a summary. Where TONEWATCH_REQUIRE_ALL=1 is set, as in
continuous integration, an absent tool fails the test that needs it.
"""

import os
import shutil
from pathlib import Path
from typing import Final, NoReturn

import pytest

REQUIRE_ALL: Final = "TONEWATCH_REQUIRE_ALL"
SYSTEM_FOLDERS: Final = "/usr/local/sbin:/usr/sbin:/sbin"
"""Servers lie here on Debian, and an ordinary user's PATH may lack them."""


def missing(reason: str) -> NoReturn:
    """Skip the calling test, or fail it where nothing may be skipped."""
    if os.environ.get(REQUIRE_ALL) == "1":
        pytest.fail(f"{reason} ({REQUIRE_ALL}=1: nothing may be skipped)", pytrace=False)
    pytest.skip(reason)


def require_tool(name: str) -> str:
    """Path of a program on this machine; the test ends here if there is none."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), SYSTEM_FOLDERS])
    found = shutil.which(name, path=path)
    return found if found is not None else missing(f"{name} is not installed")


def require_path(path: Path, what: str) -> Path:
    """An existing file or folder; the test ends here if it is not there."""
    return path if path.exists() else missing(f"{what} is not at {path}")
