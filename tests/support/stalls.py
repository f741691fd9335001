"""A pytest plugin that makes event loops stand still, as they do on a machine that others use.

    python -m pytest -p tests.support.stalls --stall-seconds 1.5 -n 10 tests/integration

Each test's loop halts twice, at steps drawn from the test's name and `--stall-seed`, so that a
failure comes again. What fails only then either counts on a quick machine, or is a fault that users
would meet one day. Halts are sleeps: they take no processor, so many tests can run side by side.
"""

import asyncio
import math
import random
import time
from collections.abc import Iterator
from typing import Final

import pytest

HALTS: Final = 2
MOST_STEPS: Final = 2000
"""Few tests have more; halts come sooner rather than later, for most have far fewer."""


class Stalls:
    """Counts the steps of the loop of the test that runs, and halts it at some."""

    def __init__(self, seconds: float, seed: str) -> None:
        self._seconds = seconds
        self._seed = seed
        self._random = random.Random()
        self._left = 0
        self._steps = 0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Halts belong to the test alone, not to its fixtures."""
        self._random.seed(self._seed + item.nodeid)
        self._left, self._steps = HALTS, self._draw()
        try:
            yield
        finally:
            self._left = 0

    def step(self) -> None:
        """The loop is about to run a callback."""
        if not self._left:
            return
        self._steps -= 1
        if self._steps < 0:
            time.sleep(self._seconds)
            self._left, self._steps = self._left - 1, self._draw()

    def _draw(self) -> int:
        return int(math.exp(self._random.uniform(0, math.log(MOST_STEPS))))


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long, and which."""
    group = parser.getgroup("stalls")
    group.addoption("--stall-seconds", type=float, default=1.5, help="length of each halt")
    group.addoption("--stall-seed", default="1", help="another one halts elsewhere")


def pytest_configure(config: pytest.Config) -> None:
    """Have every callback of every loop counted."""
    stalls = Stalls(config.getoption("stall_seconds"), config.getoption("stall_seed"))
    config.pluginmanager.register(stalls)
    run = asyncio.Handle._run

    def halting(handle: asyncio.Handle) -> None:
        stalls.step()
        run(handle)

    asyncio.Handle._run = halting  # type: ignore[assignment, method-assign]
