"""An event loop whose clock jumps to the next timer, so that minutes pass at once."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

ResultT = TypeVar("ResultT")


class JumpingLoop(asyncio.SelectorEventLoop):
    """For code that waits for nothing but time."""

    def __init__(self) -> None:
        super().__init__()
        self._ahead = 0.0

    def time(self) -> float:
        """The clock, and all that was jumped over."""
        return super().time() + self._ahead

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:
            self._ahead += max(0.0, self._scheduled[0].when() - self.time())
        super()._run_once()  # type: ignore[misc]

    _ready: list[object]
    _scheduled: list[asyncio.TimerHandle]


def in_no_time(work: Coroutine[Any, Any, ResultT]) -> tuple[ResultT, float]:
    """Run it on such a loop; returns what it returns, and how long it took by the loop's clock."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        clock = runner.get_loop().time
        began = clock()
        return runner.run(work), clock() - began
