"""How the command fails: a text of the catalogue, and the exit code.

CliError      what was asked for failed (1)
 +- RefusedError   the console answered, and refused
 +- MisusedError   the command was called wrongly, or nobody is signed in (2)
"""

from typing import Any, ClassVar


class CliError(Exception):
    """What was asked for failed."""

    exit_code: ClassVar[int] = 1

    def __init__(self, key: str, **places: Any) -> None:
        super().__init__(key)
        self.key = key
        self.places = places


class MisusedError(CliError):
    """The command was called wrongly, or nobody is signed in."""

    exit_code = 2


class RefusedError(CliError):
    """The console answered with a status of 400 or more."""

    def __init__(self, key: str, status: int, **places: Any) -> None:
        super().__init__(key, status=status, **places)
        self.status = status
