"""The suite as a person starts it with ./run.sh: real services, broker, door and signals."""

import asyncio
import os
import re
import signal
from pathlib import Path

import pytest

from tests.support.audio import speech_like_pcm, write_wav
from tests.support.require import require_path
from tests.support.suite import free_offset, suite
from tests.support.wait import wait_until
from tonewatch.shared.http import create_client
from tonewatch.suite.demo.audio import CONVERSATION
from tonewatch.suite.ports import Ports

STEPS = ("score", "stored", "alert", "webhook")


@pytest.fixture
def quarrel(tmp_path: Path) -> Path:
    """Quiet, loud, quiet: the fake engine takes loudness for anger."""
    quiet, loud = speech_like_pcm(4, amplitude=0.03), speech_like_pcm(6, amplitude=0.95)
    return write_wav(tmp_path / "quarrel.wav", quiet + loud + quiet)


def arguments(folder: Path, *more: str, engine: str = "fake") -> list[str]:
    return ["--data", str(folder / "data"), "--engine", engine, *more]


@pytest.mark.timeout(200)
async def test_a_check_sees_a_call_through_and_leaves_nothing(tmp_path: Path) -> None:
    require_path(CONVERSATION, "the bundled call")
    options = arguments(tmp_path, "--check", "--port-offset", str(free_offset()), engine="compact")
    async with suite(*options) as running:
        code = await running.exit_code(180)
        assert code == 0, running.output
        lines = running.output.splitlines()
        assert "PASS" in lines
        for step in STEPS:
            assert any(line.startswith(f"seen {step}") for line in lines), running.output
        assert running.processes() == {}


@pytest.mark.timeout(200)
async def test_a_check_without_an_rtmp_door_pulls_the_call(tmp_path: Path, quarrel: Path) -> None:
    options = arguments(tmp_path, "--check", "--no-rtmp", "--port-offset", str(free_offset()))
    async with suite(*options, env={"TONEWATCH_DEMO_AUDIO": str(quarrel)}) as running:
        assert await running.exit_code(180) == 0, running.output
        assert "PASS" in running.output.splitlines()
        assert running.processes() == {}


@pytest.mark.timeout(120)
async def test_a_check_names_what_was_not_seen(tmp_path: Path, quarrel: Path) -> None:
    (tmp_path / "data").mkdir()
    rule = '{name: "never", emotion: "disgusted", threshold: 0.99, duration_sec: 1.0}'
    (tmp_path / "data" / "rules.yaml").write_text(f"rules: [{rule}]\n")
    offset = ("--port-offset", str(free_offset()))
    options = arguments(tmp_path, "--check", "--check-seconds", "20", *offset)
    async with suite(*options, env={"TONEWATCH_DEMO_AUDIO": str(quarrel)}) as running:
        assert await running.exit_code(100) == 1, running.output
        assert "FAIL not seen within 20 s: alert, webhook" in running.output
        assert "the demo source is live" in running.output
        assert "  alerting | " in running.output
        assert "PASS" not in running.output
        assert running.processes() == {}


@pytest.mark.timeout(180)
async def test_ctrl_c_stops_everything_and_the_second_start_is_quick(
    tmp_path: Path, quarrel: Path
) -> None:
    offset = free_offset()
    options = arguments(tmp_path, "--demo", "--port-offset", str(offset))
    env = {"TONEWATCH_DEMO_AUDIO": str(quarrel)}
    clock = asyncio.get_running_loop().time
    for start in ("first", "second"):
        started = clock()
        async with suite(*options, env=env) as running:
            await running.prints("Tonewatch is ready")
            took = clock() - started
            assert f"http://127.0.0.1:{Ports.moved(offset).console}" in running.output
            if start == "first":
                await running.prints("webhook alert.firing, signature verified")
            running.signal(signal.SIGINT)
            assert await running.exit_code(40) == 0, running.output
            assert running.processes() == {}
            assert "killing it" not in running.output
    # on a machine that does nothing else: 10 s
    assert took < 10 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    kept = tmp_path / "data" / "broker" / "appendonlydir"
    assert any(file.stat().st_size for file in kept.iterdir())


@pytest.mark.timeout(180)
async def test_the_first_admin_signs_in_by_the_link_that_is_announced_and_nobody_else(
    tmp_path: Path,
) -> None:
    offset = free_offset()
    options = arguments(tmp_path, "--no-rtmp", "--port-offset", str(offset))
    ports = Ports.moved(offset)
    async with suite(*options) as running:
        await running.prints("Ctrl-C stops everything")
        (link,) = re.findall(r"the first admin signs in here: (\S+)", running.output)
        page, _, once = link.partition("#")
        assert page == f"http://127.0.0.1:{ports.console}/welcome"
        async with create_client(base_url=f"http://127.0.0.1:{ports.console}") as client:
            assert (await client.get("/api/v1/sources")).status_code == 401
            assert (await client.get(page)).is_success
            wish = {"token": once, "name": "李", "password": "correct horse battery"}
            same = {"Sec-Fetch-Site": "same-origin"}
            answer = await client.post("/api/v1/auth/welcome", json=wish, headers=same)
            assert answer.status_code == 204, answer.text
            # the console is answered by ingest, for it shows the suite's token
            assert (await client.get("/api/v1/sources")).status_code == 200
        for port in (ports.ingest, ports.inference, ports.alerting, ports.storage):
            async with create_client(base_url=f"http://127.0.0.1:{port}") as stranger:
                assert (await stranger.get("/openapi.json")).status_code == 401
                assert (await stranger.get("/health")).status_code == 200
        running.signal(signal.SIGINT)
        assert await running.exit_code(40) == 0, running.output
    async with suite(*options) as running:
        await running.prints("Ctrl-C stops everything")
        assert "the first admin signs in" not in running.output


@pytest.mark.timeout(120)
async def test_nothing_outlives_a_killed_suite(tmp_path: Path, quarrel: Path) -> None:
    options = arguments(tmp_path, "--demo", "--port-offset", str(free_offset()))
    async with suite(*options, env={"TONEWATCH_DEMO_AUDIO": str(quarrel)}) as running:
        await running.prints("the demo call is playing")
        running.signal(signal.SIGKILL)
        await wait_until(lambda: not running.processes(), timeout_seconds=30, interval_seconds=0.2)


@pytest.mark.timeout(120)
async def test_a_service_that_dies_is_started_again(tmp_path: Path) -> None:
    offset = free_offset()
    async with suite(*arguments(tmp_path, "--port-offset", str(offset))) as running:
        await running.prints("Tonewatch is ready")
        (victim,) = [
            pid for pid, line in running.processes().items() if "tonewatch-storage" in line
        ]
        with_kill = await asyncio.create_subprocess_exec("kill", "-9", str(victim))
        await with_kill.wait()
        await running.prints("storage was killed by SIGKILL; starting it again")
        async with create_client(
            base_url=f"http://127.0.0.1:{Ports.moved(offset).storage}"
        ) as client:

            async def ready() -> bool:
                try:
                    return (await client.get("/ready")).is_success
                except Exception:  # noqa: BLE001 - not back yet
                    return False

            await wait_until(ready, timeout_seconds=30, interval_seconds=0.2)


@pytest.mark.timeout(120)
async def test_two_suites_with_one_data_folder_or_port_are_told_apart(tmp_path: Path) -> None:
    offset = str(free_offset())
    async with suite(*arguments(tmp_path, "--port-offset", offset)) as first:
        await first.prints("Tonewatch is ready")
        async with suite(*arguments(tmp_path, "--port-offset", str(free_offset()))) as second:
            assert await second.exit_code(20) == 2
            assert "another Tonewatch runs with the data folder" in second.output
        other = arguments(tmp_path / "other", "--port-offset", offset)
        async with suite(*other) as third:
            assert await third.exit_code(20) == 2
            assert "these ports are in use" in third.output
            assert "--port-offset" in third.output


@pytest.mark.timeout(120)
async def test_a_wrong_model_folder_ends_the_suite_with_its_reason(tmp_path: Path) -> None:
    options = arguments(tmp_path, "--port-offset", str(free_offset()), engine="emotion2vec")
    async with suite(*options, "--model", str(tmp_path / "no-model")) as running:
        assert await running.exit_code(90) == 2
        assert "inference ended with exit code 2" in running.output
        assert "no-model" in running.output
        assert running.processes() == {}
