"""Runs a command that ends when its parent does, however the parent ended.

Run as a script (`python -I -S _leash.py PARENT_PID COMMAND ...`): it asks the kernel for SIGTERM at
the death of the parent and becomes the command. Only the standard library, for it has to be quick.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

PR_SET_PDEATHSIG: Final = 1
CANNOT_RUN: Final = 127


def leashed(command: Sequence[str]) -> list[str]:
    """The command line that runs `command` on a leash held by this process."""
    return [sys.executable, "-I", "-S", str(Path(__file__)), str(os.getpid()), *command]


def main() -> None:
    """Tie this process to its parent, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the kernel was asked
        raise SystemExit(CANNOT_RUN)
    try:
        os.execvp(command[0], command)  # noqa: S606 - argv comes from the suite itself
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]}: {error.strerror}\n")
        raise SystemExit(CANNOT_RUN) from error


if __name__ == "__main__":
    main()
