"""Whatever a caller sends, the API of storage answers, and never with a failure of its own."""

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.support.fuzzing import ask_everything
from tests.support.messages import make_alert, make_score, make_session
from tests.support.running import running
from tests.support.stored import items
from tonewatch.shared.broker import MemoryBroker
from tonewatch.storage.database import Database
from tonewatch.storage.service import StorageService
from tonewatch.storage.settings import StorageOptions, StorageSettings
from tonewatch.storage.store import Store


@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore")  # of schemathesis and what it uses
async def test_no_request_makes_the_service_fail(
    database: Database, database_url: str, store: Store, tmp_path: Path
) -> None:
    await store.write(items([make_session(), *(make_score(n) for n in range(9)), make_alert()]))
    options = StorageOptions(port=0, database_url=SecretStr(database_url))
    service = StorageService(
        StorageSettings(data_dir=tmp_path, storage=options), MemoryBroker(partitions=2)
    )
    async with running(service) as base:
        answers = await asyncio.to_thread(ask_everything, base)
    operations = {operation for operation, _ in answers}
    assert {"GET /v1/records", "GET /v1/stats/heatmap", "POST /v1/similar"} <= operations
    assert answers["GET /v1/records", 200] > 0
