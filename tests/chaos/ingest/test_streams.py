"""Whatever dies on the way of a pushed stream, its frames add up and new ones come soon."""

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.chaos.ingest.conftest import Victim
from tests.integration.ingest.conftest import StartNginx
from tests.support.wait import wait_until
from tonewatch.shared.messages import SessionState

StartEncoder = Callable[..., Any]

RETURN_SECONDS = 5
"""So soon after the return of a stream its frames come again."""


async def source_of(victim: Victim) -> str:
    """Where to push to."""
    async with victim.client() as client:
        made = await client.post("/v1/sources", json={"name": "studio", "kind": "rtmp"})
    return str(made.json()["publish_url"])


async def has_sessions(victim: Victim, least: int) -> bool:
    return await victim.sessions_heard() >= least


async def has_ended(victim: Victim, least: int) -> bool:
    return len(await victim.reader.sessions(SessionState.ENDED)) >= least


async def finish(victim: Victim, encoder: Any) -> None:
    """End the stream, and see that everything adds up."""
    await encoder.stop()
    await wait_until(victim.adds_up, timeout_seconds=20)


def processes_of(pid_file: Path) -> list[int]:
    """nginx's master and its workers."""
    master = int(pid_file.read_text())
    workers = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return [master, *map(int, workers)]


async def test_a_killed_publisher(victim: Victim, nginx: StartNginx, encoder: StartEncoder) -> None:
    await nginx(victim.url)
    url = await source_of(victim)
    first = await encoder(url)
    await wait_until(lambda: has_sessions(victim, 1))
    first.process.kill()
    await wait_until(lambda: has_ended(victim, 1), timeout_seconds=3)
    again = await encoder(url)
    await wait_until(lambda: has_sessions(victim, 2), timeout_seconds=RETURN_SECONDS)
    await finish(victim, again)


async def test_a_frozen_publisher_that_goes_on(
    victim: Victim, nginx: StartNginx, encoder: StartEncoder
) -> None:
    await nginx(victim.url)
    push = await encoder(await source_of(victim))
    await wait_until(lambda: has_sessions(victim, 1))
    push.process.send_signal(signal.SIGSTOP)
    try:
        await wait_until(lambda: has_ended(victim, 1), timeout_seconds=10)
    finally:
        push.process.send_signal(signal.SIGCONT)
    # nginx-rtmp may have dropped it by then; its successor must be heard
    await push.stop()
    again = await encoder(await source_of(victim))
    await wait_until(lambda: has_sessions(victim, 2), timeout_seconds=RETURN_SECONDS)
    await finish(victim, again)


async def test_a_killed_nginx(
    victim: Victim, nginx: StartNginx, encoder: StartEncoder, tmp_path: Path
) -> None:
    await nginx(victim.url)
    url = await source_of(victim)
    push = await encoder(url)
    await wait_until(lambda: has_sessions(victim, 1))
    for pid in processes_of(tmp_path / "nginx.pid"):
        os.kill(pid, signal.SIGKILL)
    assert await push.ended() != 0
    await wait_until(lambda: has_ended(victim, 1))
    await nginx(victim.url)
    again = await encoder(url)
    await wait_until(lambda: has_sessions(victim, 2), timeout_seconds=RETURN_SECONDS)
    await finish(victim, again)


async def test_killed_ffmpeg(victim: Victim, nginx: StartNginx, encoder: StartEncoder) -> None:
    await nginx(victim.url)
    push = await encoder(await source_of(victim))
    for sessions in (1, 2, 3):
        await wait_until(partial(has_sessions, victim, sessions))
        for pid in victim.children():
            os.kill(pid, signal.SIGKILL)
        await wait_until(partial(has_ended, victim, sessions))
    await wait_until(lambda: has_sessions(victim, 4), timeout_seconds=RETURN_SECONDS)
    await finish(victim, push)


async def test_a_killed_ingest(victim: Victim, nginx: StartNginx, encoder: StartEncoder) -> None:
    await nginx(victim.url)
    url = await source_of(victim)
    push = await encoder(url)

    async def heard(sessions: int) -> bool:
        nonlocal push
        # nginx-rtmp drops a publisher if it asks for it while nobody answers: encoders come back
        if push.process.returncode is not None:
            push = await encoder(url)
        return await has_sessions(victim, sessions)

    for sessions in (1, 2):
        await wait_until(partial(heard, sessions))
        await victim.kill()
        await victim.start()
    await wait_until(partial(heard, 3), timeout_seconds=RETURN_SECONDS)
    await finish(victim, push)
