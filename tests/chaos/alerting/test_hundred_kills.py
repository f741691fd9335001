"""Killed with -9 a hundred times under load: all alerts of the reference are told, once."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.alerting.load import QUIET, Feeder, make_load
from tests.chaos.alerting.process import forked
from tests.chaos.alerting.test_killed import assert_ids_agree, hooks, received
from tests.integration.alerting.receiver import receiving
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.streams import ALERTS, SCORES

KILLS = 100
TRACKS = 6
SECONDS = 240
FEED_INTERVAL_SECONDS = 0.25
LIFE_SECONDS = (0.05, 0.9)
"""From the fork on: some are killed before they have opened anything, some in the thick of it."""


@pytest.mark.timeout(240)
async def test_killed_a_hundred_times_every_alert_of_the_reference_is_told_once(
    broker: RedisBroker, redis_url: str, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    load, chance = make_load(tmp_path, tracks=TRACKS, seconds=SECONDS, seed=7), random.Random(8)
    assert len(load.wanted) > 150
    rules = str(tmp_path / "rules.yaml")
    async with (
        receiving() as receiver,
        forked(
            redis_url,
            tmp_path,
            free_port(),
            webhooks=hooks(receiver),
            rules_file=rules,
            notices=QUIET,
        ) as process,
    ):
        feeder = Feeder(broker, load)
        async with feeder.feeding(FEED_INTERVAL_SECONDS):
            for _ in range(KILLS):
                process.start()
                await asyncio.sleep(chance.uniform(*LIFE_SECONDS))  # any moment must do
                await process.kill()
            told_before_the_end = len(received(receiver))
        assert told_before_the_end > 50
        await process.start_and_wait()
        await wait_until(lambda: received(receiver).keys() >= load.wanted, timeout_seconds=60)
        assert received(receiver) == Counter(load.wanted)
        assert_ids_agree(receiver)

        async def all_settled() -> bool:
            states = [*await broker.group_states(SCORES), *await broker.group_states(ALERTS)]
            mine = [state for state in states if state.group in {"alerting", "dispatch"}]
            return all(state.pending == 0 for state in mine)

        await wait_until(all_settled)
