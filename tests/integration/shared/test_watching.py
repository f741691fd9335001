"""A configuration file is read again when it changed, when it vanished, and when somebody asks."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tonewatch.shared.watching import FileWatch


@pytest.fixture
async def watch(tmp_path: Path) -> FileWatch:
    (tmp_path / "rules.yaml").write_text("a")
    made = FileWatch(tmp_path / "rules.yaml", poll_seconds=0.001)
    await made.remember()
    return made


async def changed(watch: FileWatch, stop: asyncio.Event | None = None) -> bool:
    async with asyncio.timeout(30):
        return await watch.changed(stop or asyncio.Event())


@pytest.mark.parametrize("change", ["written", "replaced", "deleted"])
async def test_a_change_is_told_once(watch: FileWatch, tmp_path: Path, change: str) -> None:
    file = tmp_path / "rules.yaml"
    if change == "written":
        file.write_text("b")
    elif change == "replaced":
        (tmp_path / "new").write_text("b")
        (tmp_path / "new").replace(file)
    else:
        file.unlink()
    assert await changed(watch)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await watch.changed(asyncio.Event())


async def test_asking_counts_although_nothing_changed(watch: FileWatch) -> None:
    watch.ask()
    assert await changed(watch)
    watch.listen()
    try:
        os.kill(os.getpid(), signal.SIGHUP)
        assert await changed(watch)
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)


async def test_who_is_stopped_waits_no_longer(watch: FileWatch) -> None:
    stop = asyncio.Event()
    waiting = asyncio.create_task(changed(watch, stop))
    await asyncio.sleep(0)
    stop.set()
    assert await waiting is False
