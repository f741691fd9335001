"""The page about the command: everything it tells people to run works as it stands."""

import shlex
import wave
from pathlib import Path

import pytest
import yaml

from tests.integration.cli.conftest import Desk
from tests.integration.cli.test_commands import fired
from tests.integration.cli.test_rules import RULE
from tests.support.audio import speech_like_pcm
from tests.support.pages import both, commands, prose
from tests.support.sockets import backwards, interleaved
from tests.support.sounds import RATE_HZ
from tests.support.terminal import PROGRAM
from tonewatch.cli.drawing import LETTERS

WATCHES = ("streams --watch", "tail", "alerts --follow")


def write_call(file: Path) -> None:
    """A call with a speaker on each channel."""
    pcm = speech_like_pcm(2)
    with wave.open(str(file), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(interleaved(pcm, backwards(pcm)))


@pytest.mark.timeout(300)
@both("cli.md")
async def test_every_command_works(page: Path, desk: Desk, tmp_path: Path) -> None:
    await fired(desk)
    write_call(tmp_path / "call.wav")
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"rules": [RULE]}))
    key = desk.terminal.variables.pop("TONEWATCH_KEY")
    del desk.terminal.variables["TONEWATCH_URL"]
    asked = commands(page)
    assert asked[0] == "tonewatch login http://localhost:7860"
    assert len(asked) == 13
    for command in asked:
        line = command.replace("tonewatch", str(PROGRAM), 1)
        line = line.replace("http://localhost:7860", desk.url).replace("ALERT_ID", "alert-1")
        line = line.replace("call.wav", f"{tmp_path}/call.wav")
        words = line.replace("rules.yaml", f"{tmp_path}/rules.yaml").split(" ", 1)[1]
        if words in WATCHES:
            async with desk.terminal.start(*shlex.split(words)) as watching:
                if words != "tail":  # nobody is on the line
                    await watching.prints("alert-1" if "alerts" in words else "Uploads")
            continue
        typed = f"{key}\n" if words.startswith("login") else ""
        done = await desk.terminal.run(*shlex.split(words), typed=typed)
        assert done.code == 0, (command, done)


@both("cli.md")
def test_the_page_names_every_letter_of_a_ribbon(page: Path) -> None:
    text = prose(page)
    letters = [letter for letter in LETTERS.values() if letter.strip()]
    assert [letter for letter in letters if f"`{letter}`" not in text] == []
