"""How a process becomes a member, and keeps giving signs of life."""

import socket
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from tonewatch.shared.errors import UnavailableError
from tonewatch.shared.ids import new_id
from tonewatch.shared.leases._membership import Membership
from tonewatch.shared.leases._redis import RedisLeases
from tonewatch.shared.logging import get_logger
from tonewatch.shared.redis_client import RedisOptions, create_redis

NAME_CHARACTERS: Final = 64
ANSWER_SHARE: Final = 0.25
"""Of its life span a member waits so much for one answer of Redis."""
UNSURE: Final = "Redis has not confirmed the leases of this replica lately"

log = get_logger(__name__)


def join(redis: RedisOptions, group: str, ttl: timedelta, name: str | None = None) -> Membership:
    """A member under a name that says where it runs, and that no process had before.

    `name` takes the place of the host's.
    """
    client = create_redis(redis, f"tonewatch-{group}-leases")
    store = RedisLeases(client, group, timeout=ttl * ANSWER_SHARE)
    where = (name or socket.gethostname())[:NAME_CHARACTERS]
    return Membership(store, f"{where}-{new_id()[-8:]}", ttl)


class Heartbeat:
    """The signs of life of a member; says once that Redis does not confirm them, and once again."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        self._away = False

    async def beat(self, then: Callable[[], Awaitable[None]] | None = None) -> bool:
        """Give one, and do `then`; False if Redis did not answer one of them."""
        try:
            await self._membership.turn()
            if then is not None:
                await then()
        except UnavailableError as error:
            if not self._away:
                log.warning("the leases cannot be confirmed", reason=error.message)
            self._away = True
            return False
        if self._away:
            log.info("the leases are confirmed again")
        self._away = False
        return True

    async def leave(self) -> None:
        """Give all up at once, or, if Redis does not answer, when our time is up."""
        try:
            await self._membership.leave()
        except UnavailableError as error:
            log.warning("the others will take over when our time is up", reason=error.message)
