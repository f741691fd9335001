"""Which partitions this replica evaluates, where several share them by leases in Redis.

A lease only says who should do the work, so that each track is evaluated in one place and its
alerts are not delayed. That no alert is lost or doubled does not hang on it: an outcome counts for
whoever settles it first. So a replica that was counted dead does no harm when it wakes up.
"""

import asyncio
from datetime import timedelta
from typing import Final

from tonewatch.alerting.settings import AlertingSettings
from tonewatch.shared import leases
from tonewatch.shared.errors import UnavailableError
from tonewatch.shared.leases import UNSURE, Heartbeat, Membership
from tonewatch.shared.logging import get_logger
from tonewatch.shared.runtime import wait_for_stop

GROUP: Final = "alerting"

log = get_logger(__name__)


class PartitionShare:
    """The partitions of this replica; whoever reads them calls `take` before each read."""

    def __init__(self, membership: Membership, partitions: int) -> None:
        self._membership = membership
        self._numbers = {f"partition:{number}": number for number in range(partitions)}
        self._in_hand: frozenset[int] = frozenset()
        self._joined = False
        self._heartbeat = Heartbeat(membership)

    def take(self) -> frozenset[int]:
        """What may be worked on from now on; work on anything else has ended by this call."""
        mine = self._membership.held & self._chosen() if self._membership.is_sure else ()
        self._in_hand = frozenset(self._numbers[name] for name in mine)
        return self._in_hand

    async def share_partitions(self, stop: asyncio.Event) -> None:
        """The loop that gives signs of life, takes what is free and gives up what is not ours."""
        while not stop.is_set():
            await self.look()
            await wait_for_stop(stop, self._membership.turn_seconds)
        await self._heartbeat.leave()

    async def look(self) -> None:
        """Give a sign of life once, and divide anew."""
        await self._heartbeat.beat(then=self._divide)

    async def close(self) -> None:
        """Release connections."""
        await self._membership.close()

    async def check(self) -> str:
        """For /ready.

        Raises:
            UnavailableError: Redis has not confirmed the leases lately.
        """
        membership = self._membership
        if not membership.is_sure:
            raise UnavailableError(UNSURE)
        return (
            f"{membership.member} evaluates {len(membership.held)} of {len(self._numbers)} "
            f"partitions, {len(membership.living)} replicas live"
        )

    async def _divide(self) -> None:
        membership = self._membership
        if membership.lapsed or membership.lost:
            if self._in_hand:  # the reader has not heard yet that they are not ours
                return
            if self._joined:
                log.warning("counted dead for a while; others took over", lost=len(membership.lost))
            membership.let_go()
        self._joined = True
        share = self._chosen()
        surplus = {n for n in membership.held - share if self._numbers[n] not in self._in_hand}
        await membership.release(surplus)
        await membership.acquire(share - membership.held)

    def _chosen(self) -> set[str]:
        return {name for name in self._numbers if self._membership.is_chosen(name)}


def join(settings: AlertingSettings) -> PartitionShare:
    """The share of a new member of the replicas of alerting."""
    options = settings.alerting
    ttl = timedelta(seconds=options.lease_seconds)
    membership = leases.join(settings.redis, GROUP, ttl, options.instance)
    return PartitionShare(membership, settings.partitions)
