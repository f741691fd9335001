import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tonewatch.shared.errors import ConfigurationError
from tonewatch.suite import cli
from tonewatch.suite.options import Engine, UpOptions
from tonewatch.suite.plan import Plan


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[UpOptions]:
    """What `up` would have started."""
    plans: list[UpOptions] = []

    async def note(plan: Plan, _log: Any) -> int:
        plans.append(plan.options)
        return 0

    monkeypatch.setattr(cli, "run_up", note)
    return plans


def test_without_options_everything_has_its_default(planned: list[UpOptions]) -> None:
    assert CliRunner().invoke(cli.app, ["up"]).exit_code == 0
    assert planned == [UpOptions()]


def test_every_option_arrives(planned: list[UpOptions], tmp_path: Path) -> None:
    words = (
        f"up --demo --engine emotion2vec --model iic/x --port-offset 7 --host 0.0.0.0 --no-rtmp "
        f"--check-seconds 5 --data {tmp_path}"
    )
    assert CliRunner().invoke(cli.app, words.split()).exit_code == 0
    assert planned == [
        UpOptions(
            demo=True,
            engine=Engine.EMOTION2VEC,
            model="iic/x",
            port_offset=7,
            host="0.0.0.0",
            rtmp=False,
            check_seconds=5,
            data=tmp_path,
        )
    ]


@pytest.mark.parametrize(
    "words", ["up --engine gpt", "up --port-offset far", "up --check-seconds 0", "up --nonsense"]
)
def test_a_wrong_option_starts_nothing(planned: list[UpOptions], words: str) -> None:
    assert CliRunner().invoke(cli.app, words.split()).exit_code == 2
    assert planned == []


def test_an_error_is_one_sentence_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["tonewatch-suite", "up", "--port-offset", "60000"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("tonewatch-suite: --port-offset 60000 puts")


def test_the_environment_says_what_to_publish(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    published: list[tuple[list[str], bool]] = []

    def note(argv: list[str], _tell: Any, *, again: bool) -> int:
        published.append((argv, again))
        return 0

    monkeypatch.setattr(cli, "run_publisher", note)
    audio = tmp_path / "call.flac"
    audio.write_bytes(b"")
    env = {
        "TONEWATCH_DEMO_RTMP_URL": "rtmp://rtmp/live/key",
        "TONEWATCH_DEMO_AUDIO": str(audio),
        "TONEWATCH_DEMO_FFMPEG": "/opt/ffmpeg",
        "TONEWATCH_DEMO_LOOP": "1",
    }
    assert CliRunner().invoke(cli.app, ["publish"], env=env).exit_code == 0
    ((argv, again),) = published
    assert again
    assert argv[0] == "/opt/ffmpeg"
    assert argv[-1] == "rtmp://rtmp/live/key"
    assert argv[argv.index("-i") + 1] == str(audio)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("publish --rtmp-url rtmp://h/live/k --audio /none", "no audio file /none"),
        ("sink --secret whsec_a", "whsec_ and base64"),
    ],
)
def test_what_cannot_be_used_is_named(words: str, message: str) -> None:
    result = CliRunner().invoke(cli.app, words.split())
    assert isinstance(result.exception, ConfigurationError)
    assert message in result.exception.message


def test_run_sh_tells_of_every_option() -> None:
    script = (Path(__file__).parents[3] / "run.sh").read_text()
    group = typer.main.get_command(cli.app)
    up = group.commands["up"]  # type: ignore[attr-defined]
    names = {name for parameter in up.params for name in parameter.opts if name != "--rtmp"}
    assert {name for name in names if f"  {name}" not in script} == set()
