"""`tonewatch-train`: from a data folder to weights; from one's own calls to better ones."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final

import typer

from tonewatch.evaluation.main import open_engine
from tonewatch.inference.settings import EngineName
from tonewatch.shared.errors import TonewatchError
from tonewatch.training.adapt import adapt_weights
from tonewatch.training.build import build_weights, leave_each_out
from tonewatch.training.distil import distil_weights
from tonewatch.training.train import Plan

SHIPPED: Final = Path(str(files("tonewatch.inference.engines.compact") / "weights"))

app = typer.Typer(add_completion=False, no_args_is_help=True)

Data = Annotated[Path, typer.Option(help="Folder with speech.csv, noise/ and rooms/")]
Out = Annotated[Path, typer.Option(help="Folder for the weights and their report")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same weights")]
Threads = Annotated[int, typer.Option(help="CPU threads for torch")]
Before = Annotated[Path, typer.Option("--from", help="Folder of weights to start from")]
Cache = Annotated[Path | None, typer.Option(help="Keeps features and progress between runs")]


@app.callback()
def commands() -> None:
    """Trains the compact model."""


@app.command()
def build(
    *,
    data: Data,
    out: Out,
    seed: Seed = 1,
    epochs: Annotated[int, typer.Option(help="At most so many; speakers decide")] = Plan.epochs,
    threads: Threads = Plan.threads,
    corpora: Annotated[str, typer.Option(help="Only these corpora, by commas; else all")] = "",
    cache: Cache = None,
) -> None:
    """Trains the shipped model and measures it on the held-out speakers."""
    chosen = tuple(name for name in corpora.split(",") if name)
    with _told(), _folder(cache) as kept:
        build_weights(data, out, Plan(seed=seed, epochs=epochs, threads=threads), chosen, kept)


@app.command()
def across(
    *,
    data: Data,
    out: Out,
    seed: Seed = 1,
    epochs: Annotated[int, typer.Option(help="Passes over the vectors")] = 4,
    threads: Threads = Plan.threads,
    cache: Cache = None,
) -> None:
    """Leaves each language out in turn, trains on the others, and measures on that language."""
    with _told(), _folder(cache) as kept:
        leave_each_out(data, out, Plan(seed=seed, epochs=epochs, threads=threads), kept)


@app.command()
def adapt(
    *,
    labels: Annotated[Path, typer.Argument(help="Labelled audio, as tonewatch-evaluate reads it")],
    out: Out,
    before: Before = SHIPPED,
    last_layer_only: Annotated[bool, typer.Option(help="For a few dozen clips")] = False,
    seed: Seed = 1,
    epochs: Annotated[int, typer.Option(help="Passes over the clips")] = 10,
    threads: Threads = Plan.threads,
    cache: Cache = None,
) -> None:
    """Trains weights on your own labelled calls, and compares both on speakers kept apart."""
    with _told(), _folder(cache) as kept:
        plan = own_plan(seed, epochs, threads)
        adapt_weights(labels, before, out, plan, kept, last_layer_only=last_layer_only)


@app.command()
def distil(
    *,
    calls: Annotated[Path, typer.Argument(help="Folder of recordings; they need no labels")],
    out: Out,
    teacher: Annotated[EngineName, typer.Option(help="Engine to learn from")] = "emotion2vec",
    model: Annotated[str, typer.Option(help="For emotion2vec: hub id or folder")] = "",
    before: Before = SHIPPED,
    seed: Seed = 1,
    epochs: Annotated[int, typer.Option(help="Passes over the calls")] = 10,
    threads: Threads = Plan.threads,
    cache: Cache = None,
) -> None:
    """Teaches weights to answer on your calls as emotion2vec+ does; tells how often they agree."""
    with _told(), _folder(cache) as kept:
        plan = own_plan(seed, epochs, threads)
        distil_weights(calls, open_engine(teacher, model), before, out, plan, kept)


def own_plan(seed: int, epochs: int, threads: int) -> Plan:
    """Small steps: what the weights know of others should not be forgotten."""
    return Plan(seed=seed, epochs=epochs, threads=threads, rate=2e-4, batch_size=64, dropout=0.3)


@contextmanager
def _told() -> Iterator[None]:
    """Errors of ours as a sentence."""
    try:
        yield
    except TonewatchError as error:
        print(error.message, file=sys.stderr)
        raise typer.Exit(1) from error


@contextmanager
def _folder(cache: Path | None) -> Iterator[Path]:
    """The cache folder, or one that lasts as long as the command."""
    if cache is not None:
        cache.mkdir(parents=True, exist_ok=True)
        yield cache
        return
    with tempfile.TemporaryDirectory() as scratch:
        yield Path(scratch)
