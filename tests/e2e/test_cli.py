"""The command `tonewatch` before the suite as a person starts it."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.support.require import require_path
from tests.support.suite import free_offset, suite
from tests.support.terminal import Terminal
from tonewatch.suite.demo.audio import CONVERSATION
from tonewatch.suite.ports import Ports

KEY = Path(sys.executable).with_name("tonewatch-console")


async def new_key(data: Path) -> str:
    """A key of the console that has this data folder, made as the README says."""
    process = await asyncio.create_subprocess_exec(
        KEY, "key", "--name", "me",
        env={**os.environ, "TONEWATCH_DATA_DIR": str(data)},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed.decode()


@pytest.mark.timeout(200)
async def test_somebody_signs_in_and_has_a_recording_analysed(tmp_path: Path) -> None:
    require_path(CONVERSATION, "the bundled call")
    offset = free_offset()
    options = ("--engine", "compact", "--no-rtmp", "--port-offset", str(offset))
    terminal = Terminal(tmp_path / "person")
    async with suite("--data", str(tmp_path / "data"), *options) as running:
        await running.prints("Ctrl-C stops everything")
        url = f"http://127.0.0.1:{Ports.moved(offset).console}"
        signed_in = await terminal.run("login", url, typed=await new_key(tmp_path / "data"))
        assert signed_in.code == 0, signed_in
        analysed = await terminal.run("analyze", str(CONVERSATION))
        assert analysed.code == 0, analysed
        assert " s] angry 0." in analysed.out
        listed = await terminal.run("streams")
        assert listed.code == 0
        assert "Uploads" in listed.out
