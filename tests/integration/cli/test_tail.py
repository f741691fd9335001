"""Live calls in a terminal, and as lines where there is none."""

import asyncio
import fcntl
import os
import pty
import struct
import termios
from collections.abc import Sequence

from tests.integration.cli.conftest import Desk
from tests.support.messages import make_alert, make_gap, make_score, make_session
from tests.support.terminal import PROGRAM
from tests.support.wait import wait_until
from tonewatch.shared.broker import Outgoing
from tonewatch.shared.messages import SessionState
from tonewatch.shared.streams import ALERTS, SCORES, SESSIONS


async def say(desk: Desk, *seconds: tuple[int, str]) -> None:
    """Seconds of the call are scored."""
    scores = [Outgoing(SCORES, make_score(seq, emotion)) for seq, emotion in seconds]
    await desk.broker.publish(scores)


async def begin(desk: Desk) -> None:
    """A call begins, and the console knows of it."""
    await desk.broker.publish([Outgoing(SESSIONS, make_session(name="line \x1b[31m 3"))])
    await wait_until(lambda: desk.service.hub.board.public(0)["sessions"])


def lines(text: str) -> Sequence[str]:
    return [line for line in text.splitlines() if line]


async def test_each_second_is_a_line_until_the_call_is_over(desk: Desk) -> None:
    await begin(desk)
    async with desk.terminal.start("tail", "call-1") as tail:
        await wait_until(lambda: desk.service.hub._viewers)
        await say(desk, (0, "neutral"), (1, "angry"))
        await tail.prints("[1 s] angry 0.90")
        await desk.broker.publish([Outgoing(SCORES, make_gap(2, 3))])
        await desk.broker.publish([Outgoing(ALERTS, make_alert())])
        await tail.prints("alert-1")
        await tail.prints("[2-3 s] not scored (overload)")
        ended = make_session(SessionState.ENDED, name="line \x1b[31m 3")
        await desk.broker.publish([Outgoing(SESSIONS, ended)])
        done = await tail.ends()
    assert (done.code, done.err) == (0, "")
    assert lines(done.out)[0] == "line \N{REPLACEMENT CHARACTER}[31m 3 mixed [0 s] neutral 0.90"
    assert "\x1b" not in done.out
    assert lines(done.out)[-1].endswith("is over")


async def test_a_broken_connection_is_taken_up_where_it_broke_off(desk: Desk) -> None:
    await begin(desk)
    async with desk.terminal.start("tail") as tail:
        await wait_until(lambda: desk.service.hub._viewers)
        await say(desk, (0, "sad"))
        await tail.prints("[0 s] sad")
        for viewer in list(desk.service.hub._viewers):
            viewer.close()
        await wait_until(lambda: not desk.service.hub._viewers)
        await say(desk, (1, "sad"), (2, "happy"))
        await tail.prints("[2 s] happy")
        await say(desk, (3, "happy"))
        await tail.prints("[3 s] happy")
    seconds = [line.split("[")[2].split(" s]")[0] for line in lines(tail.out) if " s]" in line]
    assert seconds == ["0", "1", "2", "3"]


async def test_a_call_that_is_not_live_is_said_to_be_none(desk: Desk) -> None:
    done = await desk.run("tail", "nobody")
    assert done.code == 1
    assert "no live call nobody" in done.err


async def test_in_a_terminal_each_voice_is_a_coloured_ribbon_of_letters(desk: Desk) -> None:
    await begin(desk)
    await say(desk, *((seq, "fearful") for seq in range(5)))
    await wait_until(lambda: "2222" in str(desk.service.hub.board.public(0)))
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    environment = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": "100"}
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "tail",
        stdin=slave, stdout=slave, stderr=slave,
        env=desk.terminal.environment(environment),
    )  # fmt: skip
    os.close(slave)
    painted = bytearray()

    def has(text: str) -> bool:
        return text in painted.decode(errors="replace")

    def read() -> None:
        try:
            painted.extend(os.read(master, 65_536))
        except OSError:  # the other side is closed
            asyncio.get_running_loop().remove_reader(master)

    asyncio.get_running_loop().add_reader(master, read)
    try:
        await wait_until(lambda: has("FFFFF"), 30)
        assert has("48;2;168;131;230")  # the colour of fear
        await say(desk, (5, "happy"))
        await wait_until(lambda: has("H\x1b"), 30)
        assert has("disgusted")  # the legend
        process.send_signal(2)  # Ctrl-C
        assert await asyncio.wait_for(process.wait(), 30) == 0
    finally:
        asyncio.get_running_loop().remove_reader(master)
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(master)
