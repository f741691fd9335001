"""The one log of the suite: every line of every process, prefixed with the process's name."""

import contextlib
import sys
from collections import defaultdict, deque
from datetime import datetime
from typing import Final, TextIO

from honcho.colour import get_colours
from honcho.printer import Message, Printer

OWN_NAME: Final = "suite"
KEPT_LINES: Final = 200
_TELLING: Final = ("error", "warning", "failed", "Traceback", "refused")


class SuiteLog:
    """Prints lines as they come and remembers the last ones of each process.

    With `hide_processes` only the suite's own lines are printed; the others are kept for `tail`.
    """

    def __init__(self, output: TextIO | None = None, *, hide_processes: bool = False) -> None:
        self._printer = Printer(output or sys.stdout, width=len("inference"))
        self._hide = hide_processes
        self._colours = get_colours()
        self._colour_of: dict[str, str] = {}
        self._kept: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=KEPT_LINES))

    def say(self, text: str) -> None:
        """A line of the suite's own."""
        self._print(OWN_NAME, text)

    def line(self, name: str, text: str) -> None:
        """A line that a process wrote."""
        self._kept[name].append(text)
        if not self._hide:
            self._print(name, text)

    def tail(self, name: str, count: int) -> list[str]:
        """The last lines of a process, those that tell of trouble before others."""
        lines = list(self._kept[name])
        telling = [line for line in lines if any(word in line for word in _TELLING)]
        return (telling or lines)[-count:]

    def _print(self, name: str, text: str) -> None:
        colour = self._colour_of.setdefault(name, next(self._colours))
        now = datetime.now().astimezone()
        # whoever read the output is gone; that must not keep the suite from an ordered stop
        with contextlib.suppress(BrokenPipeError):
            self._printer.write(Message(type="line", data=text, time=now, name=name, colour=colour))
