"""Promise 2: a firing alert is never lost; killed between decision and send, it is sent after the
restart, with the same id.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.alerting.process import AlertingProcess, alerting_process
from tests.integration.alerting.receiver import SECRET, Answer, Receiver, Request, receiving
from tests.support.messages import make_score
from tests.support.wait import wait_until
from tonewatch.alerting.delivery.payload import message_id
from tonewatch.alerting.engine import Timing, TrackState, compile_rules, evaluate, second_of
from tonewatch.alerting.rules import load_rules
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.http import create_client
from tonewatch.shared.ids import derived_id
from tonewatch.shared.messages import Score
from tonewatch.shared.streams import SCORES

RULES = Path(__file__).parents[3] / "deploy/config/rules.yaml"
WEBHOOK_ID = derived_id("webhook", "hook")


def hooks(receiver: Receiver) -> list[dict[str, str]]:
    return [{"name": "hook", "url": receiver.url, "secret": SECRET}]


def expected(scores: list[Score]) -> set[tuple[str, str]]:
    """Alert ids and states, from the pure engine fed in order."""
    rules = compile_rules(load_rules(RULES).rules)
    states: dict[str, TrackState] = {}
    said = set()
    for score in scores:
        state = states.setdefault(score.track.key, TrackState())
        for transition in evaluate(rules, score.track, state, second_of(score), Timing()):
            said.add((transition.facts.alert_id, transition.state.value))
    return said


def received(receiver: Receiver) -> Counter[tuple[str, str]]:
    """Alert ids and states, each as often as messages that differ in their id tell of it."""
    messages = {request.message_id: request.event["data"] for request in receiver.requests}
    told = [alert for data in messages.values() for alert in (data, *data["others"])]
    return Counter((alert["alert_id"], alert["state"]) for alert in told)


def assert_ids_agree(receiver: Receiver) -> None:
    for request in receiver.requests:
        data = request.event["data"]
        assert request.message_id == message_id(data["alert_id"], data["state"], WEBHOOK_ID)


async def test_an_alert_whose_sending_was_cut_off_is_sent_again_with_the_same_id(
    broker: RedisBroker, redis_url: str, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    async def hang_once(request: Request) -> Answer:
        if len(receiver.requests) == 1:
            await asyncio.Event().wait()
        return 200, {}, ""

    async with (
        receiving(hang_once) as receiver,
        alerting_process(redis_url, tmp_path, free_port(), webhooks=hooks(receiver)) as process,
    ):
        scores = [make_score(seq, "angry") for seq in range(2)]
        await broker.publish([Outgoing(SCORES, score) for score in scores])
        await wait_until(lambda: receiver.requests, timeout_seconds=30)
        await process.kill()
        await process.start()
        await wait_until(lambda: len(receiver.requests) == 2, timeout_seconds=30)
        assert receiver.requests[0].message_id == receiver.requests[1].message_id
        assert_ids_agree(receiver)
        await wait_until_delivered(process.url, 1)
        assert await process.stop() == 0


async def test_an_alert_that_nobody_could_be_told_of_is_told_after_the_restart(
    broker: RedisBroker, redis_url: str, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    down = Receiver()
    down.port = free_port()  # nobody listens there yet
    port = free_port()
    async with alerting_process(redis_url, tmp_path, port, webhooks=hooks(down)) as process:
        scores = [make_score(seq, "angry") for seq in range(2)]
        await broker.publish([Outgoing(SCORES, score) for score in scores])

        async def was_tried() -> bool:
            async with create_client(base_url=process.url) as client:
                items = (await client.get("/v1/deliveries")).json()["items"]
                return bool(items and items[0]["attempt_count"])

        await wait_until(was_tried, timeout_seconds=30)
        await process.kill()
        server = await asyncio.start_server(down.handle, "127.0.0.1", down.port)
        async with server:
            await process.start()
            await wait_until(lambda: down.requests, timeout_seconds=30)
            assert received(down) == Counter(expected(scores))
            assert_ids_agree(down)
            await process.kill()


async def wait_until_delivered(url: str, count: int) -> None:
    async with create_client(base_url=url) as client:

        async def all_delivered() -> bool:
            query = {"limit": "500", "state": "delivered"}
            return len((await client.get("/v1/deliveries", params=query)).json()["items"]) == count

        await wait_until(all_delivered, timeout_seconds=30)


async def test_no_secret_is_in_the_log_of_the_process_even_at_debug_level(
    broker: RedisBroker, redis_url: str, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    async with (
        receiving() as receiver,
        alerting_process(redis_url, tmp_path, free_port(), webhooks=hooks(receiver)) as process,
    ):
        async with create_client(base_url=process.url) as client:
            url = f"{receiver.url}?access_token=planted-token"
            made = (await client.post("/v1/webhooks", json={"name": "b", "url": url})).json()
            await client.post(f"/v1/webhooks/{made['id']}/test")
        await process.stop()
        log = process.log.read_text()
        assert "delivery attempt" in log
        for secret in (SECRET, made["secret"], "planted-token"):
            assert secret not in log
            assert secret.removeprefix("whsec_") not in log


async def test_rules_that_cannot_be_used_end_the_process_with_their_place_and_status_2(
    redis_url: str, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("rules:\n- {name: a, emotion: angri, threshold: 0.5}\n")
    process = AlertingProcess(redis_url, tmp_path, free_port(), rules_file=str(file))
    with pytest.raises(AssertionError, match="it ended"):
        await process.start()
    assert await process.kill() == 2
    log = process.log.read_text()
    assert log.startswith(f"tonewatch-alerting: {file}:2:13: rules[0].emotion:")
    assert len(log.splitlines()) == 1
