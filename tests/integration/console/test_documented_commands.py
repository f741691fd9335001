"""The commands of the pages about webhooks, rules and storage work as they stand, with a key."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.audio import speech_like_pcm, write_wav
from tests.support.pages import ROOT, blocks, both, commands
from tests.support.public_door import public_door
from tests.support.services import real_services
from tests.support.shell import Shell
from tonewatch.shared.broker import RedisBroker


@pytest.fixture
async def shell(broker: RedisBroker, tmp_path: Path, ffmpeg: str) -> AsyncIterator[Shell]:
    """A reader's shell, with the console of real services."""
    async with real_services(broker, tmp_path, ffmpeg) as options:
        urls = {name: url for name, url in options.items() if name.endswith("_url")}
        async with public_door(broker, tmp_path / "console", **urls) as door:
            yield Shell(tmp_path, ffmpeg).through(door)


async def test_the_readme(shell: Shell) -> None:
    write_wav(shell.folder / "call.wav", speech_like_pcm(2))
    asked = [each for each in commands(ROOT / "README.md") if each.startswith("curl")]
    encoder, radio, uploaded, records, webhook = [await shell.run(each) for each in asked]
    assert encoder["stream_key"]
    assert (radio["kind"], uploaded["name"], webhook["name"]) == ("pull", "call.wav", "crm")
    assert "items" in records


@both("webhooks.md")
async def test_webhooks(page: Path, shell: Shell) -> None:
    add, rotate, recover = commands(page)
    made = await shell.run(add)
    assert (made["name"], made["secret"][:6]) == ("crm", "whsec_")
    shell.values |= {"webhooks/$ID": f"webhooks/{made['id']}"}
    assert (await shell.run(rotate))["secret"] != made["secret"]
    assert await shell.run(recover) == {"deliveries": 0}


@both("rules.md")
async def test_a_draft_is_run_over_history(page: Path, shell: Shell) -> None:
    (backtest,) = commands(page)
    summary = await shell.run(backtest)
    assert (summary["complete"], summary["by_rule"]) == (True, {"draft": 0})


@both("storage.md")
async def test_holds_and_erasures(page: Path, shell: Shell) -> None:
    place, listing, release, erase = (
        command
        for block in blocks(page, "sh")
        if "curl" in block.code
        for command in block.plain.replace("\\\n", " ").splitlines()
    )
    placed = await shell.run(place)
    assert placed["placed_by"] == "legal"
    assert [each["hold_id"] for each in (await shell.run(listing))["items"]] == [placed["hold_id"]]
    shell.values |= {"HOLD_ID": placed["hold_id"]}
    assert (await shell.run(release))["released_by"] == "legal"
    assert (await shell.run(erase))["sessions"] == 0
