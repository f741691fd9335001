"""The evaluator on the in-memory broker: each step is atomic, and survives whatever happens."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.support.messages import START, make_gap, make_score, make_session
from tests.support.rules import ANGRY, Replica, alert_messages, unsettled
from tests.support.wait import wait_until
from tonewatch.alerting.engine import Second, TrackState, evaluate
from tonewatch.alerting.rules import parse_rules
from tonewatch.alerting.tracks import state_name
from tonewatch.shared.attention import marked
from tonewatch.shared.broker import MemoryBroker, Outgoing
from tonewatch.shared.errors import BrokerUnavailableError
from tonewatch.shared.messages import Gap, Message, Score, SessionState, Speaker, Track
from tonewatch.shared.streams import DEAD, SCORES, SESSIONS, Stream, partition_of


async def publish(broker: MemoryBroker, *messages: Message) -> None:
    def stream(message: Message) -> Stream:
        return SCORES if isinstance(message, Score | Gap) else SESSIONS

    await broker.publish([Outgoing(stream(message), message) for message in messages])


async def alerts(broker: MemoryBroker) -> list[tuple[str, int, int]]:
    return [(a.state.value, a.first_seq, a.last_seq) for a in await alert_messages(broker)]


async def saved_state(broker: MemoryBroker, session: str = "call-1") -> TrackState:
    track = make_score(session_id=session).track
    name = state_name(track)
    saved = await broker.state(partition_of(track.key, broker.partitions), [name])
    return TrackState.decode(saved[name]) if name in saved else TrackState()


def angry(*seqs: int, session: str = "call-1", **changes: Any) -> list[Score]:
    return [make_score(seq, "angry", session_id=session, **changes) for seq in seqs]


async def test_two_angry_seconds_publish_one_alert_with_the_session_s_labels(
    memory_broker: MemoryBroker,
) -> None:
    await publish(memory_broker, *angry(0, 1, 2, labels={"agent_id": "7"}))
    replica = Replica(memory_broker)
    await replica.step()
    (alert,) = await alert_messages(memory_broker)
    assert (alert.state, alert.rule, alert.first_seq, alert.last_seq) == ("firing", "angry", 0, 1)
    assert (alert.labels, alert.source_id) == ({"agent_id": "7"}, "source-1")
    assert alert.started_at == START
    assert await unsettled(memory_broker) == 0
    assert replica.metric("alerts_total", state="firing", priority="medium") == 1
    assert replica.metric("frame_to_alert_seconds_count") == 1


async def test_a_replica_that_starts_later_carries_on_where_the_first_one_was_killed(
    memory_broker: MemoryBroker,
) -> None:
    await publish(memory_broker, *angry(0))
    await Replica(memory_broker).step()
    await publish(memory_broker, *angry(1))
    await Replica(memory_broker, "b").step()
    assert await alerts(memory_broker) == [("firing", 0, 1)]


async def test_what_is_ahead_of_a_missing_second_stays_unacknowledged_until_it_is_evaluated(
    memory_broker: MemoryBroker,
) -> None:
    first = Replica(memory_broker)
    await publish(memory_broker, *angry(1, 2))
    await first.step()
    assert await unsettled(memory_broker) == 2  # killed now, these are handed out again
    second = Replica(memory_broker, "a")
    await publish(memory_broker, make_score(0, "neutral"))
    await second.resume()
    await second.step()
    assert await alerts(memory_broker) == [("firing", 1, 2)]
    assert await unsettled(memory_broker) == 0


async def test_an_outage_between_decision_and_saving_loses_and_doubles_nothing(
    memory_broker: MemoryBroker,
) -> None:
    replica = Replica(memory_broker)
    await publish(memory_broker, *angry(0, 1))
    batch = await replica.reader.next(timedelta(0))
    memory_broker.available = False
    with pytest.raises(BrokerUnavailableError):
        await replica.evaluator.process(batch)
    memory_broker.available = True
    assert await alerts(memory_broker) == []
    stop = asyncio.Event()
    loop = asyncio.create_task(replica.evaluator.evaluate(stop))

    async def is_settled() -> bool:
        return await unsettled(memory_broker) == 0

    await wait_until(is_settled)
    stop.set()
    await loop
    assert await alerts(memory_broker) == [("firing", 0, 1)]


async def test_of_two_replicas_with_the_same_entries_one_wins_and_the_other_carries_on(
    memory_broker: MemoryBroker,
) -> None:
    first, second = Replica(memory_broker, "a"), Replica(memory_broker, "b")
    await publish(memory_broker, *angry(0, 1))
    batch = await first.reader.next(timedelta(0))
    await second.evaluator.process(list(batch))  # taken for dead, its work was claimed
    await first.evaluator.process(batch)
    assert await alerts(memory_broker) == [("firing", 0, 1)]
    assert first.metric("settle_lost_total", stream="scores") == 2
    await publish(memory_broker, *[make_score(seq) for seq in (2, 3, 4)])
    await first.step()
    assert await alerts(memory_broker) == [("firing", 0, 1), ("resolved", 0, 1)]


async def test_a_replica_that_was_overtaken_reads_the_newer_state_at_once(
    memory_broker: MemoryBroker,
) -> None:
    first, second = Replica(memory_broker, "a"), Replica(memory_broker, "b")
    await publish(memory_broker, *angry(0))
    await first.step()
    await publish(memory_broker, make_score(1))
    batch = await first.reader.next(timedelta(0))
    await second.evaluator.process(list(batch))  # it was taken for dead
    await publish(memory_broker, *angry(2))
    await second.step()
    await first.evaluator.process(batch)
    await publish(memory_broker, *angry(3))
    await first.step()
    assert await alerts(memory_broker) == [("firing", 2, 3)]


async def test_two_replicas_that_share_a_track_second_by_second_come_to_the_same_alert(
    memory_broker: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tonewatch.alerting.evaluator.REFRESH_SECONDS", 0)
    replicas = [Replica(memory_broker, "a"), Replica(memory_broker, "b")]
    pattern = "nHHHnnnnHH"
    for seq, kind in enumerate(pattern):
        await publish(memory_broker, make_score(seq, "angry" if kind == "H" else "sad"))
        await replicas[seq % 2].step()
        await replicas[1 - seq % 2].evaluator.process([])
    for _ in range(4):
        for replica in replicas:
            await replica.evaluator.process([])
    assert await alerts(memory_broker) == [("firing", 1, 2), ("resolved", 1, 3), ("firing", 8, 9)]


async def test_doubled_late_and_senseless_scores_are_counted_and_change_nothing(
    memory_broker: MemoryBroker,
) -> None:
    replica = Replica(memory_broker)
    nan = make_score(1, probabilities=(float("nan"),) * 9)
    good = make_score(0, "angry")
    await publish(memory_broker, good, good)
    await replica.step()
    assert replica.metric("scores_ignored_total", reason="doubled") == 1
    header = nan.model_dump_json().replace("null", "NaN").replace('"traceparent":NaN,', "")
    header = header.replace('"embedding_path":NaN,', "")
    key = SCORES.key(partition_of(nan.partition_key, memory_broker.partitions))
    memory_broker._add(key, {"h": header.encode()})
    await publish(memory_broker, *angry(*range(3, 19)))
    await replica.step()
    assert replica.metric("scores_ignored_total", reason="invalid") == 1
    await publish(memory_broker, *angry(2))
    await replica.step()
    assert replica.metric("scores_late_total") == 1
    assert await alerts(memory_broker) == [("firing", 3, 4)]
    assert await unsettled(memory_broker) == 0


async def test_a_message_that_is_none_goes_to_the_dead_letters_and_stops_nothing(
    memory_broker: MemoryBroker,
) -> None:
    memory_broker._add(SCORES.key(0), {"h": b'{"type":"score","seq":"x"}'})
    await publish(memory_broker, *angry(0, 1))
    await Replica(memory_broker).step()
    dead = await memory_broker.tail(DEAD, {0: "0-0"}, count=10, block=None)
    assert b"scores entry" in dead[0].entry.fields["dead_error"]
    assert await alerts(memory_broker) == [("firing", 0, 1)]


async def test_a_rule_that_breaks_costs_that_second_only(
    memory_broker: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaking(rules: Any, track: Any, state: Any, second: Second, *others: Any) -> Any:
        if second.first == 0:
            raise ZeroDivisionError
        return evaluate(rules, track, state, second, *others)

    monkeypatch.setattr("tonewatch.alerting.evaluator.evaluate", breaking)
    await publish(memory_broker, *angry(0, 1, 2))
    await Replica(memory_broker).step()
    assert await alerts(memory_broker) == [("firing", 1, 2)]
    assert await unsettled(memory_broker) == 0


async def test_rules_that_are_reloaded_apply_to_the_next_second(
    memory_broker: MemoryBroker,
) -> None:
    replica = Replica(memory_broker)
    await publish(memory_broker, *angry(0))
    await replica.step()
    replica.loaded = parse_rules(ANGRY.replace(b"angry,", b"anger,", 1), "rules.yaml")
    await publish(memory_broker, *angry(1, 2))
    await replica.step()
    assert [alert.rule for alert in await alert_messages(memory_broker)] == ["anger"]


async def test_the_last_frame_resolves_and_the_state_stays_only_to_know_stragglers(
    memory_broker: MemoryBroker,
) -> None:
    replica = Replica(memory_broker)
    await publish(memory_broker, *angry(0, 1), make_gap(2, 2, final=True))
    await replica.step()
    assert await alerts(memory_broker) == [("firing", 0, 1), ("resolved", 0, 1)]
    assert (await saved_state(memory_broker)).ended
    await publish(memory_broker, *angry(0, 1, 2))
    await replica.step()
    assert len(await alerts(memory_broker)) == 2


async def test_the_end_of_a_session_waits_for_its_scores(
    memory_broker: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tonewatch.alerting.sessions.LOOK_SECONDS", 0)
    replica = Replica(memory_broker)
    await publish(memory_broker, make_session(SessionState.STARTED), *angry(0, 1))
    await publish(memory_broker, make_session(SessionState.ENDED, frames=4))
    await replica.step()
    await replica.step()
    assert await alerts(memory_broker) == [("firing", 0, 1)]
    assert await unsettled(memory_broker, SESSIONS) == 1
    await publish(memory_broker, *angry(2, 3))
    await replica.step()
    # it lies in the session's partition, so among partitions there is no order
    assert sorted(await alerts(memory_broker)) == [("firing", 0, 1), ("resolved", 0, 3)]
    assert await unsettled(memory_broker, SESSIONS) == 0


async def test_a_session_whose_last_scores_never_come_is_closed_after_a_while(
    memory_broker: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tonewatch.alerting.sessions.LOOK_SECONDS", 0)
    replica = Replica(memory_broker, grace=0.05)
    speakers = (Speaker.CUSTOMER, Speaker.AGENT)
    await publish(memory_broker, *angry(0, 1, speaker=Speaker.CUSTOMER))
    await replica.step()
    await publish(memory_broker, make_session(SessionState.ENDED, speakers=speakers))
    await replica.step()
    assert await alerts(memory_broker) == [("firing", 0, 1)]
    await asyncio.sleep(0.06)
    await replica.step()
    said = {alert.state.value: alert.speaker for alert in await alert_messages(memory_broker)}
    assert said == {"firing": Speaker.CUSTOMER, "resolved": Speaker.CUSTOMER}
    assert await unsettled(memory_broker, SESSIONS) == 0


async def test_an_unreadable_state_begins_the_track_anew(memory_broker: MemoryBroker) -> None:
    from tonewatch.alerting.tracks import decode_state

    assert decode_state("alerting:x", b"{broken") == TrackState()


async def test_many_tracks_do_not_fill_the_memory(
    memory_broker: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tonewatch.alerting.tracks.MAX_TRACKS", 5)
    replica = Replica(memory_broker)
    for number in range(20):
        await publish(memory_broker, *angry(0, session=f"call-{number}"))
        await replica.step()
    assert len(replica.tracks._tracks) == 5
    await publish(memory_broker, *angry(1, session="call-0"))
    await replica.step()
    assert await alerts(memory_broker) == [("firing", 0, 1)]


async def test_a_track_is_marked_while_an_alert_is_pending_or_firing(
    memory_broker: MemoryBroker,
) -> None:
    """Workers score marked tracks first."""
    track = Track(session_id="call-1", speaker=Speaker.MIXED)
    partition = partition_of(track.key, memory_broker.partitions)
    replica = Replica(memory_broker)
    seen = []
    for seq, emotion in enumerate(["neutral", "angry", "angry", "angry", *["neutral"] * 12]):
        await publish(memory_broker, make_score(seq, emotion))
        await replica.step()
        seen.append(await marked(memory_broker, partition, [track]) == {track.key})
    assert seen[:4] == [False, True, True, True]
    assert seen[-1] is False
    assert [state for state, *_ in await alerts(memory_broker)] == ["firing", "resolved"]
