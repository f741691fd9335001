"""Partitions shared by lease: one evaluates each, none is given up while it is in hand."""

from datetime import timedelta

from tests.support.messages import make_score
from tests.support.rules import ANGRY, alert_messages, unsettled
from tonewatch.alerting.consumer import GroupReader
from tonewatch.alerting.engine import Bounds, Timing
from tonewatch.alerting.evaluator import Evaluator
from tonewatch.alerting.rules import parse_rules
from tonewatch.alerting.sessions import SessionEnds
from tonewatch.alerting.sharing import PartitionShare
from tonewatch.alerting.tracks import Tracks
from tonewatch.shared.broker import MemoryBroker, Outgoing
from tonewatch.shared.leases import Membership, MemoryLeases
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.streams import SCORES, SESSIONS

TTL = timedelta(seconds=5)
PARTITIONS = 4
ALL = frozenset(range(PARTITIONS))


class Rig:
    """Leases on a clock of their own, and replicas that share by them."""

    def __init__(self) -> None:
        self.now = 100.0
        self.leases = MemoryLeases(self.clock)

    def clock(self) -> float:
        return self.now

    def share(self, name: str) -> PartitionShare:
        return PartitionShare(Membership(self.leases, name, TTL, self.clock), PARTITIONS)

    async def turn(self, *shares: PartitionShare, seconds: float = 1.0) -> None:
        """A turn of each, at the same moment."""
        for share in shares:
            await share.look()
        self.now += seconds

    async def settled(self, *shares: PartitionShare) -> None:
        """As long as it takes after a start."""
        for _ in range(8):
            await self.turn(*shares)
            for share in shares:
                share.take()


async def test_all_partitions_are_somebodys_and_nobody_else_s() -> None:
    rig = Rig()
    shares = [rig.share("a"), rig.share("b")]
    await rig.settled(*shares)
    taken = [share.take() for share in shares]
    assert taken[0] | taken[1] == ALL
    assert not taken[0] & taken[1]
    assert "2 replicas live" in await shares[0].check()


async def test_what_is_in_hand_is_given_up_only_when_the_reader_has_let_go() -> None:
    rig = Rig()
    first = rig.share("a")
    await rig.settled(first)
    assert first.take() == ALL
    second = rig.share("b")
    for _ in range(3):
        await rig.turn(first, second)
    assert second.take() == frozenset()
    kept = first.take()
    assert kept < ALL
    await rig.turn(first, second)
    await rig.turn(first, second)
    assert second.take() == ALL - kept


async def test_who_is_silent_has_nothing_and_comes_back_to_its_share() -> None:
    rig = Rig()
    shares = [rig.share("a"), rig.share("b")]
    await rig.settled(*shares)
    before = shares[0].take()
    for _ in range(7):
        await rig.turn(shares[1])
    assert shares[1].take() == ALL
    assert shares[0].take() == frozenset()
    await rig.settled(*shares)
    assert shares[0].take() == before


def replica(
    broker: MemoryBroker, share: PartitionShare, name: str
) -> tuple[GroupReader, Evaluator]:
    metrics = Metrics()
    reader = GroupReader(broker, (SCORES, SESSIONS), "alerting", name, metrics, share)
    loaded = parse_rules(ANGRY, "rules.yaml")
    evaluator = Evaluator(
        broker,
        reader,
        Tracks(broker, Bounds(least_wait_seconds=0)),
        SessionEnds(broker, grace_seconds=60),
        lambda: loaded,
        Timing(),
        metrics,
    )
    return reader, evaluator


async def test_a_partition_comes_with_what_its_last_holder_left_unfinished(
    memory_broker: MemoryBroker,
) -> None:
    await memory_broker.publish([Outgoing(SCORES, make_score(seq, "angry")) for seq in range(2)])
    await memory_broker.read([SCORES], "alerting", "dead", count=10)  # and was killed
    rig = Rig()
    share = rig.share("a")
    reader, evaluator = replica(memory_broker, share, "a")
    assert await reader.unfinished() == []
    await evaluator.process(await reader.next(timedelta(0)))
    assert await unsettled(memory_broker) == 2
    for _ in range(8):
        await rig.turn(share)
    await evaluator.process(await reader.next(timedelta(0)))
    assert [alert.state for alert in await alert_messages(memory_broker)] == ["firing"]
    assert await unsettled(memory_broker) == 0


async def test_nobody_reads_partitions_that_are_not_theirs(memory_broker: MemoryBroker) -> None:
    rig = Rig()
    shares = [rig.share("a"), rig.share("b")]
    await rig.settled(*shares)
    replicas = [
        replica(memory_broker, share, name) for share, name in zip(shares, "ab", strict=True)
    ]
    await memory_broker.publish(
        [Outgoing(SCORES, make_score(0, session_id=f"call-{number}")) for number in range(20)]
    )
    for (reader, _), share in zip(replicas, shares, strict=True):
        found = await reader.next(timedelta(0))
        assert {delivery.partition for delivery in found} == share.take()
