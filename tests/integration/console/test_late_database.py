"""A console that starts before its PostgreSQL serves at once, and lets people in later."""

from pathlib import Path

from tests.support import postgres
from tests.support.running import running
from tests.support.wait import wait_until
from tonewatch.console.auth.first import FILE
from tonewatch.console.service import ConsoleService
from tonewatch.console.settings import ConsoleSettings
from tonewatch.shared.broker import MemoryBroker
from tonewatch.shared.http import create_client


async def test_the_database_may_come_later(memory_broker: MemoryBroker, tmp_path: Path) -> None:
    with postgres.stopped_server() as absent:
        await started_before(absent, memory_broker, tmp_path)


async def started_before(absent: Path, memory_broker: MemoryBroker, tmp_path: Path) -> None:
    url = f"postgresql+asyncpg://{postgres.USER}@/postgres?host={absent}"
    settings = ConsoleSettings.model_validate(
        {"console": {"database_url": url, "port": 0}, "data_dir": tmp_path}
    )
    service = ConsoleService(settings, memory_broker)
    async with running(service) as base_url, create_client(base_url=base_url) as client:
        assert (await client.get("/health")).is_success
        assert (await client.get("/ready")).json()["checks"]["database"]["ok"] is False
        answer = await client.get("/api/v1/sessions", headers={"Authorization": "Bearer tw_x"})
        assert answer.status_code in {401, 503}
        postgres.start(absent)
        await wait_until((settings.folder / FILE).exists, timeout_seconds=30)
        assert (await client.get("/ready")).json()["checks"]["database"]["ok"] is True
