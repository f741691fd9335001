"""The stack that all container tests look at: the demo with three inference workers."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.containers.stack import CommandFailedError, Stack
from tests.support.require import missing, require_tool


@pytest.fixture(scope="session")
def engine() -> None:
    """A Docker engine that answers."""
    program = require_tool("docker")
    answer = subprocess.run([program, "info"], capture_output=True, check=False, timeout=30)
    if answer.returncode:
        missing("no Docker engine answers")


@pytest.fixture(scope="session")
def stack(engine: None) -> Iterator[Stack]:
    """Up once for all tests; that `down` leaves nothing is part of the test."""
    made = Stack()
    try:
        made.up(workers=3)
        yield made
    except CommandFailedError:
        sys.stderr.write(made.compose("logs", "--tail", "40", "--no-color"))
        raise
    finally:
        made.down()
    assert made.leftovers() == []
