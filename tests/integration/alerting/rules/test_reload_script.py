"""deploy/reload_alerts.sh: running services read their rules again, and it says what came of it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.alerting.conftest import Starting

SCRIPT = Path(__file__).parents[4] / "deploy/reload_alerts.sh"
GOOD = "rules:\n- {name: first, emotion: angry, threshold: 0.5}\n"


async def reload(*urls: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        str(SCRIPT), *urls, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await process.communicate()
    return process.returncode, printed.decode()


async def test_it_says_what_is_in_force_or_every_mistake(
    alerting: Starting, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(GOOD)
    async with alerting(rules_file=file, rules_poll_seconds=3600) as client:
        url = str(client.base_url).rstrip("/")
        file.write_text(GOOD.replace("first", "second"))
        code, printed = await reload(url)
        assert (code, f"{file}: 1 rules in force" in printed) == (0, True), printed
        assert (await client.get("/v1/rules/second")).status_code == 200
        file.write_text(GOOD.replace("angry", "angri"))
        code, printed = await reload(url)
        assert code == 2
        assert f"{file}:2:17: rules[0].emotion" in printed
        code, printed = await reload(f"http://127.0.0.1:{free_port()}")
        assert (code, "does not answer" in printed) == (2, True)


async def test_of_several_services_one_that_refuses_decides_the_exit_status(
    alerting: Starting, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    async with alerting() as client:
        url = str(client.base_url).rstrip("/")
        code, printed = await reload(f"http://127.0.0.1:{free_port()}", url)
        assert (code, "1 rules in force" in printed) == (2, True)


async def test_in_a_compose_project_it_asks_each_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a stand-in for docker that says what it was asked."""
    docker = tmp_path / "docker"
    docker.write_text(
        '#!/bin/sh\n[ "$1" = compose ] && { echo one; echo two; exit 0; }\necho "$@"\n'
        '[ "$2" = one ] && exit 2\nexit 0\n'
    )
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    code, printed = await reload()
    assert printed.splitlines() == [
        "exec one tonewatch-alerting reload",
        "exec two tonewatch-alerting reload",
    ]
    assert code == 2
