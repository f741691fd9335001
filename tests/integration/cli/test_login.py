"""Signing in from a terminal: what is kept, and what people are told when it does not work."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.integration.cli.conftest import Desk
from tests.support.terminal import Terminal


def signed_out(desk: Desk) -> tuple[Terminal, str]:
    """A terminal that has no account in its environment, and the key it would have."""
    key = desk.terminal.variables.pop("TONEWATCH_KEY")
    del desk.terminal.variables["TONEWATCH_URL"]
    return desk.terminal, key


async def test_a_key_that_works_is_kept_for_this_user_only(desk: Desk) -> None:
    terminal, key = signed_out(desk)
    done = await terminal.run("login", f"{desk.url}/", typed=f"{key}\n")
    assert (done.code, done.err) == (0, "")
    assert "(admin)" in done.out
    assert key not in done.out
    assert terminal.account_file.stat().st_mode & 0o777 == 0o600
    assert json.loads(terminal.account_file.read_text()) == {"url": desk.url, "key": key}
    assert (await terminal.run("streams")).code == 0
    assert (await terminal.run("logout")).code == 0
    assert not terminal.account_file.exists()
    assert (await terminal.run("streams")).code == 2


async def test_a_key_comes_from_the_environment_too(desk: Desk) -> None:
    terminal, key = signed_out(desk)
    assert (await terminal.run("login", TONEWATCH_URL=desk.url, TONEWATCH_KEY=key)).code == 0
    assert terminal.account_file.exists()


async def test_a_wrong_key_is_refused_and_not_kept(desk: Desk) -> None:
    terminal, _ = signed_out(desk)
    done = await terminal.run("login", desk.url, typed="tw_wrong_wrong\n")
    assert done.code == 1
    assert "the key is not valid" in done.err
    assert "tonewatch login" in done.err
    assert not terminal.account_file.exists()


async def test_a_key_for_some_things_only_is_kept_and_says_what_it_may_not(desk: Desk) -> None:
    terminal, _ = signed_out(desk)
    key = await desk.key("alerts:read")
    assert (await terminal.run("login", desk.url, typed=f"{key}\n")).code == 0
    assert (await terminal.run("alerts")).code == 0
    done = await terminal.run("streams")
    assert done.code == 1
    assert "this key may not do that" in done.err
    assert "sources:read" in done.err


async def test_the_kept_key_goes_to_the_kept_address_only(desk: Desk) -> None:
    terminal, key = signed_out(desk)
    await terminal.run("login", desk.url, typed=f"{key}\n")
    done = await terminal.run("streams", TONEWATCH_URL="http://127.0.0.1:9")
    assert done.code == 2
    assert "http://127.0.0.1:9" in done.err


async def test_nobody_signed_in_is_told_how(terminal: Terminal) -> None:
    done = await terminal.run("streams")
    assert done.code == 2
    assert "tonewatch login URL" in done.err
    assert "请执行 tonewatch login URL" in (await terminal.run("streams", LANG="zh_CN.UTF-8")).err
    assert "请执行 tonewatch login URL" in (await terminal.run("streams", "--lang", "zh")).err


async def test_no_connection_says_so_and_what_to_look_at(
    terminal: Terminal, free_port: Callable[[], int]
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = await terminal.run("streams", TONEWATCH_URL=url, TONEWATCH_KEY="tw_a_b")
    assert done.code == 1
    assert f"no connection to {url}" in done.err
    assert "Traceback" not in done.err


async def test_wrong_usage_ends_with_two(terminal: Terminal, tmp_path: Path) -> None:
    for words in (
        ["login"],
        ["login", "ftp://x"],
        ["login", "http://me:secret@host"],
        ["analyze", str(tmp_path / "nowhere.wav")],
        ["nonsense"],
        ["--lang", "de", "streams"],
        ["alerts", "--limit", "0"],
    ):
        done = await terminal.run(*words)
        assert done.code == 2, (words, done)
        assert "Traceback" not in done.err


async def test_an_address_that_is_no_console_is_said_to_be_none(desk: Desk) -> None:
    done = await desk.run("streams", TONEWATCH_URL=f"{desk.url}/static")
    assert done.code == 1
    assert "not as a Tonewatch console" in done.err
