"""The notices stage over a database of each kind."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.alerting.notices.databases import Replica
from tests.support.messages import START
from tonewatch.alerting.delivery.database import database_over
from tonewatch.shared.database import Database, close_engine, create_engine


@pytest.fixture
async def elsewhere(database: Database) -> AsyncIterator[Database]:
    """The same database as another process sees it."""
    engine = create_engine(database.engine.url.render_as_string(hide_password=False))
    yield database_over(engine)
    await close_engine(engine)


@pytest.fixture
def clock() -> list[int]:
    """The time that replicas share, shortly after the alerts of the tests."""
    return [round(START.timestamp() * 1000) + 6000]


@pytest.fixture
def replica(database: Database, clock: list[int]) -> Replica:
    return Replica(database, clock)
