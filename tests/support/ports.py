"""Ports for servers that cannot choose their own."""

import os
from itertools import count
from typing import Final

from tonewatch.suite.ports import is_free

FIRST: Final = 24_000
"""Above those of a whole suite (see `suite.free_offset`), and all below 32,768: from there on Linux
may give a port that was free just now to any connection."""
OF_WORKER: Final = 1_000
WORKERS: Final = 8

_turn = count(os.getpid())


def free_port() -> int:
    """A port that is free, and that no other test will be given soon.

    Each worker of pytest-xdist walks through a stretch of its own: what is free now may be bound
    seconds later, by a server that has to start first.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
    for _ in range(OF_WORKER):
        port = FIRST + worker * OF_WORKER + next(_turn) % OF_WORKER
        if is_free(port):
            return port
    raise AssertionError("no free ports")
