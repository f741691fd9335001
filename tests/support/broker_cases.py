"""What every broker must do; run against the in-memory twin and against real servers."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.messages import make_frame, make_gap, make_score
from tonewatch.shared.broker import Broker, Delivery, Outcome, Outgoing, StateWrite
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.errors import InvalidMessageError
from tonewatch.shared.messages import Frame, Gap, Score
from tonewatch.shared.streams import DEAD, FRAMES, SCORES, partition_of

ALL = timedelta(0)
SHORT = timedelta(milliseconds=50)


def frame(seq: int, session_id: str = "call-1") -> Outgoing:
    return Outgoing(FRAMES, make_frame(seq, session_id), {"pcm": bytes([seq % 256]) * 64})


def score_of(delivery: Delivery) -> Outgoing:
    message = decode(FRAMES, delivery.entry)
    assert isinstance(message, Frame)
    return Outgoing(SCORES, make_score(message.seq, session_id=message.session_id))


async def seqs(broker: Broker, stream_group: str = "storage") -> list[int]:
    """Numbers of all scores that a group of the scores stream has not read yet."""
    found = await broker.read([SCORES], stream_group, "reader", count=1000)
    messages = [decode(SCORES, delivery.entry) for delivery in found]
    return sorted(message.seq for message in messages if isinstance(message, Score))


MINUTE = timedelta(minutes=1)


class BrokerCases:
    """Inherit, and provide a fixture `tested`: the broker, 4 partitions, all streams set up."""

    async def grow_old(self, tested: Broker, deliveries: Sequence[Delivery]) -> None:
        """Make it an hour ago that these were handed out, without waiting."""
        raise NotImplementedError

    async def test_a_published_frame_is_read_whole(self, tested: Broker) -> None:
        (entry_id,) = await tested.publish([frame(7)])
        (delivery,) = await tested.read([FRAMES], "inference", "a", count=10)
        assert delivery.entry.entry_id == entry_id
        assert delivery.entry.fields["pcm"] == bytes([7]) * 64
        assert decode(FRAMES, delivery.entry) == make_frame(7)
        assert delivery.partition == partition_of("call-1:mixed", tested.partitions)

    async def test_a_track_stays_in_order_in_one_partition(self, tested: Broker) -> None:
        await tested.publish([frame(seq, f"call-{seq % 5}") for seq in range(50)])
        deliveries = await tested.read([FRAMES], "inference", "a", count=100)
        by_track: dict[str, list[tuple[int, int]]] = {}
        for delivery in deliveries:
            message = decode(FRAMES, delivery.entry)
            assert isinstance(message, Frame)
            by_track.setdefault(message.session_id, []).append((delivery.partition, message.seq))
        assert len(by_track) == 5
        for pairs in by_track.values():
            assert len({partition for partition, _ in pairs}) == 1
            assert [seq for _, seq in pairs] == sorted(seq for _, seq in pairs)

    async def test_what_was_published_before_the_group_is_not_lost(self, tested: Broker) -> None:
        await tested.publish([frame(0)])
        await tested.setup([FRAMES])
        assert len(await tested.read([FRAMES], "inference", "late", count=10)) == 1

    async def test_two_consumers_share_without_overlap(self, tested: Broker) -> None:
        await tested.publish([frame(seq) for seq in range(10)])
        first = await tested.read([FRAMES], "inference", "a", count=4)
        second = await tested.read([FRAMES], "inference", "b", count=100)
        ids = [delivery.entry.entry_id for delivery in first + second]
        assert len(first) == 4
        assert len(set(ids)) == 10

    async def test_a_blocking_read_wakes_for_a_new_entry(self, tested: Broker) -> None:
        for _ in range(3):  # a machine may halt for as long as a read blocks
            reader = asyncio.create_task(
                tested.read([FRAMES], "inference", "a", count=10, block=timedelta(seconds=2))
            )
            await asyncio.sleep(0)
            await tested.publish([frame(0)])
            if found := await reader:
                break
        assert found

    async def test_a_blocking_read_gives_up(self, tested: Broker) -> None:
        assert await tested.read([FRAMES], "inference", "a", count=10, block=SHORT) == []

    async def test_settling_publishes_and_acknowledges(self, tested: Broker) -> None:
        await tested.publish([frame(0), frame(1)])
        deliveries = await tested.read([FRAMES], "inference", "a", count=10)
        assert await tested.settle([Outcome(d, [score_of(d)]) for d in deliveries]) == [True, True]
        assert await seqs(tested) == [0, 1]
        assert await tested.claim(FRAMES, "inference", "b", min_idle=ALL, count=10) == []

    async def test_only_the_first_settlement_of_a_delivery_counts(self, tested: Broker) -> None:
        await tested.publish([frame(0)])
        (slow,) = await tested.read([FRAMES], "inference", "slow", count=10)
        (taken,) = await tested.claim(FRAMES, "inference", "quick", min_idle=ALL, count=10)
        assert await tested.settle([Outcome(taken, [score_of(taken)])]) == [True]
        late = Outcome(slow, [score_of(slow)], [StateWrite("late", b"1")], dead="late")
        assert await tested.settle([late]) == [False]
        assert await seqs(tested) == [0]
        assert await tested.state(slow.partition, ["late"]) == {}
        assert await tested.tail(DEAD, {slow.partition: "0-0"}, count=9, block=None) == []

    async def test_an_unsettled_entry_is_claimed_and_counted(self, tested: Broker) -> None:
        await tested.publish([frame(0)])
        handed = await tested.read([FRAMES], "inference", "dead", count=10)
        assert await tested.claim(FRAMES, "inference", "b", min_idle=MINUTE, count=10) == []
        await self.grow_old(tested, handed)
        (first,) = await tested.claim(FRAMES, "inference", "b", min_idle=MINUTE, count=10)
        (second,) = await tested.claim(FRAMES, "inference", "c", min_idle=ALL, count=10)
        assert (first.deliveries, second.deliveries) == (2, 3)
        assert second.entry.fields["pcm"] == bytes([0]) * 64

    async def test_entries_of_some_partitions_can_be_claimed(self, tested: Broker) -> None:
        await tested.publish([frame(0, f"call-{number}") for number in range(6)])
        handed = await tested.read([FRAMES], "inference", "a", count=10)
        partitions = sorted({delivery.partition for delivery in handed})
        assert len(partitions) > 1
        claimed = await tested.claim(
            FRAMES, "inference", "b", min_idle=ALL, count=10, partitions=partitions[:1]
        )
        assert {delivery.partition for delivery in claimed} == {partitions[0]}
        assert (
            await tested.claim(FRAMES, "inference", "b", min_idle=ALL, count=10, partitions=[])
            == []
        )

    async def test_what_a_consumer_keeps_is_neither_claimed_nor_counted(
        self, tested: Broker
    ) -> None:
        await tested.publish([frame(0), frame(1)])
        kept, settled = await tested.read([FRAMES], "inference", "slow", count=10)
        await tested.settle([Outcome(settled)])
        await self.grow_old(tested, [kept])
        await tested.keep("slow", [kept, settled])
        assert await tested.claim(FRAMES, "inference", "b", min_idle=MINUTE, count=10) == []
        (claimed,) = await tested.claim(FRAMES, "inference", "b", min_idle=ALL, count=10)
        assert claimed.entry.entry_id == kept.entry.entry_id
        assert claimed.deliveries == 2

    async def test_a_restarted_consumer_finds_its_own_pending(self, tested: Broker) -> None:
        await tested.publish([frame(0), frame(1)])
        await tested.read([FRAMES], "inference", "a", count=10)
        assert len(await tested.pending(FRAMES, "inference", "a", count=10)) == 2
        assert await tested.pending(FRAMES, "inference", "b", count=10) == []

    async def test_state_is_written_with_the_settlement(self, tested: Broker) -> None:
        await tested.publish([frame(0), frame(1)])
        one, two = await tested.read([FRAMES], "inference", "a", count=10)
        await tested.settle([Outcome(one, state=[StateWrite("track", b"\x00\xff")])])
        assert await tested.state(one.partition, ["track", "none"]) == {"track": b"\x00\xff"}
        await tested.settle([Outcome(two, state=[StateWrite("track", None)])])
        assert await tested.state(one.partition, ["track"]) == {}

    async def test_a_poisonous_entry_lies_among_the_dead_letters(self, tested: Broker) -> None:
        await tested.publish([frame(3)])
        (delivery,) = await tested.read([FRAMES], "inference", "a", count=10)
        gap = Outgoing(SCORES, make_gap(3, 3))
        assert await tested.settle([Outcome(delivery, [gap], dead="engine said no")]) == [True]
        (dead,) = await tested.tail(DEAD, {delivery.partition: "0-0"}, count=10, block=None)
        assert dead.entry.fields["dead_error"] == b"engine said no"
        assert dead.entry.fields["dead_stream"] == b"frames"
        assert dead.entry.fields["pcm"] == bytes([3]) * 64
        (gap_entry,) = await tested.read([SCORES], "storage", "s", count=10)
        assert isinstance(decode(SCORES, gap_entry.entry), Gap)

    async def test_history_is_fetched_by_id(self, tested: Broker) -> None:
        ids = await tested.publish([frame(seq) for seq in range(3)])
        partition = partition_of("call-1:mixed", tested.partitions)
        found = await tested.fetch(FRAMES, partition, [ids[2], ids[0], "1-1"])
        assert set(found) == {ids[0], ids[2]}
        assert found[ids[2]].fields["pcm"] == bytes([2]) * 64

    async def test_a_tail_follows_without_a_group(self, tested: Broker) -> None:
        await tested.publish([frame(0)])
        position = await tested.last_ids(FRAMES)
        await tested.publish([frame(1)])
        (seen,) = await tested.tail(FRAMES, position, count=10, block=SHORT)
        message = decode(FRAMES, seen.entry)
        assert isinstance(message, Frame)
        assert message.seq == 1
        position[seen.partition] = seen.entry.entry_id
        assert await tested.tail(FRAMES, position, count=10, block=SHORT) == []

    async def test_group_states_tell_the_oldest_unsettled(self, tested: Broker) -> None:
        first, *_ = await tested.publish([frame(0), frame(1)])
        partition = partition_of("call-1:mixed", tested.partitions)

        async def oldest() -> tuple[int, int | None]:
            states = {state.partition: state for state in await tested.group_states(FRAMES)}
            return states[partition].pending, states[partition].oldest_unsettled_ms

        assert await oldest() == (0, int(first.partition("-")[0]))
        deliveries = await tested.read([FRAMES], "inference", "a", count=10)
        assert await oldest() == (2, int(first.partition("-")[0]))
        await tested.settle([Outcome(delivery) for delivery in deliveries])
        assert await oldest() == (0, None)

    async def test_the_clock_is_that_of_the_entries(self, tested: Broker) -> None:
        before = await tested.now_ms()
        (entry_id,) = await tested.publish([frame(0)])
        assert before <= int(entry_id.partition("-")[0]) <= await tested.now_ms()

    async def test_a_consumer_that_leaves_drops_nothing(self, tested: Broker) -> None:
        await tested.publish([frame(0), frame(1)])
        (settled,) = await tested.read([FRAMES], "inference", "a", count=1)
        (held,) = await tested.read([FRAMES], "inference", "b", count=1)
        await tested.settle([Outcome(settled)])
        for consumer in ("a", "b", "never-seen"):
            await tested.leave([FRAMES], "inference", consumer)
        assert await tested.forget_idle_consumers([FRAMES], "inference", timedelta(hours=1)) == 0
        await tested.forget_idle_consumers([FRAMES], "inference", ALL)
        (claimed,) = await tested.claim(FRAMES, "inference", "c", min_idle=ALL, count=10)
        assert claimed.entry.entry_id == held.entry.entry_id

    async def test_what_a_needed_entry_looks_back_at_is_not_trimmed(self, tested: Broker) -> None:
        """However long ago it was published: the retention counts from what is still needed."""
        ids = await tested.publish([frame(seq) for seq in range(4)])
        *done, _ = await tested.read([FRAMES], "inference", "a", count=10)
        await tested.settle([Outcome(delivery) for delivery in done])
        await asyncio.sleep(0.02)
        brief = replace(FRAMES, retention=timedelta(milliseconds=15))
        assert await tested.trim(brief) == 0
        partition = partition_of("call-1:mixed", tested.partitions)
        assert len(await tested.fetch(FRAMES, partition, ids)) == 4

    async def test_a_short_stream_keeps_what_a_long_one_does_not(self, tested: Broker) -> None:
        await tested.publish([frame(seq) for seq in range(4)])
        read = await tested.read([FRAMES], "inference", "a", count=10)
        await tested.settle([Outcome(delivery) for delivery in read])
        await asyncio.sleep(0.01)
        brief = replace(FRAMES, retention=ALL, keep_entries=4)
        assert await tested.trim(brief) == 0
        assert await tested.trim(replace(brief, keep_entries=3)) == 4

    async def test_a_wrong_header_is_told_apart_from_a_wrong_value(self, tested: Broker) -> None:
        wrong = make_frame(0).model_copy(update={"seq": -1})
        await tested.publish([Outgoing(FRAMES, wrong, {"pcm": b""})])
        (delivery,) = await tested.read([FRAMES], "inference", "a", count=10)
        with pytest.raises(InvalidMessageError, match="seq"):
            decode(FRAMES, delivery.entry)

    async def test_an_unregistered_field_or_message_is_refused(self, tested: Broker) -> None:
        with pytest.raises(ValueError, match="no binary field"):
            await tested.publish([Outgoing(FRAMES, make_frame(), {"mp3": b""})])
        with pytest.raises(ValueError, match="carries no Score"):
            await tested.publish([Outgoing(FRAMES, make_score())])
