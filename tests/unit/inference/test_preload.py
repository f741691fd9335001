"""`preload` says where a usable model lies, or in one sentence why there is none."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tonewatch.inference import preload as preload_module
from tonewatch.inference.engines.fake import FakeEngine
from tonewatch.inference.preload import add_commands
from tonewatch.inference.settings import InferenceOptions
from tonewatch.shared.errors import EngineError


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> typer.Typer:
    monkeypatch.chdir(tmp_path)
    made = typer.Typer()
    made.command()(lambda: None)  # with one command only, typer has no subcommands
    add_commands(made)
    return made


def test_it_loads_the_model_and_says_where_it_lies(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Path | None] = []

    def create(options: InferenceOptions, models_dir: Path, report: object) -> FakeEngine:
        asked.extend([options.cache_dir, models_dir])
        assert report is typer.echo
        engine = FakeEngine()
        engine.directory = models_dir / "iic" / "large"  # type: ignore[attr-defined]
        return engine

    monkeypatch.setattr(preload_module, "create_engine", create)
    result = CliRunner().invoke(app, ["preload", "--to", str(tmp_path / "here")])
    assert result.exit_code == 0, result.output
    assert asked == [tmp_path / "here"] * 2
    assert "usable" in result.output
    assert str(tmp_path / "here" / "iic" / "large") in result.output.replace("\n", "")


def test_a_model_that_cannot_be_used_is_told(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(FakeEngine):
        def load(self) -> None:
            raise EngineError("model.pt is truncated")

    monkeypatch.setattr(preload_module, "create_engine", lambda *_: Broken())
    result = CliRunner().invoke(app, ["preload"])
    assert isinstance(result.exception, EngineError)
