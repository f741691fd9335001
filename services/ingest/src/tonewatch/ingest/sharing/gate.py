"""The broker for a replica that shares the sources: shut while nobody knows whose they are.

Audio goes on being taken in, and is held, as in any outage of Redis. If the leases turn out to be
still ours, it is published late; if not, it never is.
"""

from collections.abc import Sequence
from typing import Any, cast

from tonewatch.shared.broker import Broker, Outgoing
from tonewatch.shared.errors import BrokerUnavailableError
from tonewatch.shared.leases import UNSURE, Membership


def gated(broker: Broker, membership: Membership | None) -> Broker:
    """The broker as a replica uses it to publish; where there is one replica, the broker itself."""
    return broker if membership is None else cast(Broker, Gate(broker, membership))


class Gate:
    """Publishes only while the membership is sure; all else is the broker's."""

    def __init__(self, broker: Broker, membership: Membership) -> None:
        self._broker = broker
        self._membership = membership

    async def publish(self, messages: Sequence[Outgoing]) -> list[str]:
        """Append messages to their streams; see `Broker.publish`."""
        self._check()
        return await self._broker.publish(messages)

    async def ping(self) -> None:
        """Return if something can be published."""
        self._check()
        await self._broker.ping()

    def _check(self) -> None:
        if not self._membership.is_sure:
            raise BrokerUnavailableError(UNSURE)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)
