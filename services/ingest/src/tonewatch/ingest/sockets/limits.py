"""How often one address may connect: refused for the price of a look into a table."""

from collections import OrderedDict
from typing import Final

MOST_ADDRESSES: Final = 4096


class ConnectRate:
    """A bucket of connects for each address, which fills up again as time passes.

    Addresses that have not been heard of for longest are forgotten first, so the table stays small
    whoever connects.
    """

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def admit(self, address: str, now: float) -> bool:
        """Whether one more connect of this address is all right."""
        left, since = self._buckets.pop(address, (self._most, now))
        left = min(self._most, left + (now - since) * self._per_second)
        admitted = left >= 1
        self._buckets[address] = (left - 1 if admitted else left, now)
        if len(self._buckets) > MOST_ADDRESSES:
            self._buckets.popitem(last=False)
        return admitted
