"""Promise 1, its last part: storage killed again and again stores every score, and none twice."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.messages import make_alert, make_score, make_session
from tests.support.stored import outgoing, sql
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.streams import DEAD
from tonewatch.storage import writer

KILLS = 5
SESSIONS = 20
SECONDS = 120
SCORES = SESSIONS * SECONDS


@asynccontextmanager
async def _storage(
    redis_url: str, folder: Path, partitions: int
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The real process; small batches, so that a kill is likely to fall into one."""
    settings = {
        "TONEWATCH_REDIS__URL": redis_url,
        "TONEWATCH_PARTITIONS": str(partitions),
        "TONEWATCH_DATA_DIR": str(folder),
        "TONEWATCH_STORAGE__PORT": "0",
        "TONEWATCH_STORAGE__CLAIM_IDLE_SECONDS": "0.5",
        "TONEWATCH_STORAGE__BATCH_ROWS": "16",
        "TONEWATCH_STORAGE__BATCH_SECONDS": "0",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tonewatch.storage.main", "run", env={**os.environ, **settings}
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _publish(broker: RedisBroker) -> None:
    """All seconds of all calls, evenly, for as long as the kills last."""
    for second in range(SECONDS):
        await broker.publish(
            [
                outgoing(make_score(second, "angry", session_id=f"call-{number}"))
                for number in range(SESSIONS)
            ]
        )
        await asyncio.sleep(0.1)


def _stored(file: Path) -> int:
    if not file.exists() or not sql(file, "SELECT 1 FROM sqlite_master WHERE name='sessions'"):
        return 0
    count: int = sql(file, "SELECT COUNT(*) FROM emotion_records")[0][0]
    return count


async def _wait_for_rows(file: Path, count: int) -> None:
    await wait_until(lambda: _stored(file) >= count, 60, 0.002)


async def _settled(broker: RedisBroker) -> bool:
    states = [state for stream in writer.STREAMS for state in await broker.group_states(stream)]
    mine = [state for state in states if state.group == writer.GROUP]
    return all(state.oldest_unsettled_ms is None for state in mine)


async def test_storage_killed_under_load_stores_each_score_once(
    redis_url: str, broker: RedisBroker, tmp_path: Path
) -> None:
    file = tmp_path / "tonewatch.db"
    calls = [f"call-{number}" for number in range(SESSIONS)]
    await broker.publish([outgoing(make_session(session_id=call)) for call in calls])
    await broker.publish([outgoing(make_alert(session_id=c, alert_id=c)) for c in calls])
    publishing = asyncio.create_task(_publish(broker))
    for kill in range(KILLS):
        async with _storage(redis_url, tmp_path, broker.partitions) as process:
            await _wait_for_rows(file, _stored(file) + 16 * (kill + 1))
            process.send_signal(signal.SIGKILL)
            assert await process.wait() == -signal.SIGKILL
    await publishing
    async with _storage(redis_url, tmp_path, broker.partitions) as process:
        await wait_until(lambda: _settled(broker), 60, 0.1)
        process.terminate()
        assert await process.wait() == 0
    distinct = "SELECT COUNT(*), COUNT(DISTINCT session_id || ':' || seq) FROM emotion_records"
    assert sql(file, distinct) == [(SCORES, SCORES)]
    marked = (
        "SELECT COUNT(*), COUNT(DISTINCT session_id) FROM emotion_records WHERE alert_triggered"
    )
    assert sql(file, marked) == [(2 * SESSIONS, SESSIONS)]
    assert sql(file, "SELECT COUNT(*), MIN(name), MAX(kind) FROM sessions") == [
        (SESSIONS, "line 1", "pull")
    ]
    assert set((await broker.last_ids(DEAD)).values()) == {"0-0"}
