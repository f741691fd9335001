"""A running alerting service on a real Redis, and a client of its API."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PARTITIONS
from tests.support.running import running
from tonewatch.alerting.service import AlertingService
from tonewatch.alerting.settings import AlertingSettings
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import AsyncClient, create_client

Starting = Callable[..., AbstractAsyncContextManager[AsyncClient]]


@pytest.fixture
def alerting(broker: RedisBroker, tmp_path: Path) -> Starting:
    """Starts the service with some options; loopback receivers are allowed unless it says else."""

    @asynccontextmanager
    async def start(**options: Any) -> AsyncIterator[AsyncClient]:
        base = {"port": 0, "egress": {"allow": ["127.0.0.0/8"]}, "instance": "test"}
        settings = AlertingSettings(
            partitions=PARTITIONS, data_dir=tmp_path, alerting={**base, **options}
        )
        async with (
            running(AlertingService(settings, broker)) as url,
            create_client(base_url=url) as client,
        ):
            yield client

    return start
