"""The live view: one reader of the streams, a board of what goes on, and a fan-out to viewers.

`Tail` reads a stream, `Hub` keeps what was read for a while and hands it to every open page, and
`Board` sums it up for a page that has just been opened. `Watchers` end the streams of those who may
not see them any more.
"""

from tonewatch.console.live.board import Board
from tonewatch.console.live.hub import Hub
from tonewatch.console.live.routes import live_router
from tonewatch.console.live.tail import Tail
from tonewatch.console.live.watchers import Watchers

__all__ = ["Board", "Hub", "Tail", "Watchers", "live_router"]
