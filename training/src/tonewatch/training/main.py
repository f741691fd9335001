"""`tonewatch-train`: from a data folder to the weights that the inference wheel ships."""

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tonewatch.inference.engines.compact.network import NumpyNetwork
from tonewatch.shared.errors import TonewatchError
from tonewatch.training.batches import Sampler
from tonewatch.training.corpus import Clip, check_split, read_corpus
from tonewatch.training.export import to_arrays, write_weights
from tonewatch.training.measure import measure, score, table
from tonewatch.training.prepare import Prepared, prepare_noise, prepare_speech
from tonewatch.training.train import Plan, train

MODEL = "tonewatch-compact-1"

CONDITIONS = (("3 s", 3.0, 0), ("1 s", 1.0, 0), ("3 s, as calls", 3.0, 1))
"""Windows of up to so many seconds, of which version: the recording, or as a call may sound."""

app = typer.Typer(add_completion=False)


@app.command()
def main(
    data: Annotated[Path, typer.Option(help="Folder with speech.csv, noise/ and rooms/")],
    out: Annotated[Path, typer.Option(help="Folder for weights.npz and figures.json")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same weights")] = 1,
    epochs: Annotated[int, typer.Option(help="Passes over the data")] = Plan.epochs,
    threads: Annotated[int, typer.Option(help="CPU threads for torch")] = Plan.threads,
    cache: Annotated[Path | None, typer.Option(help="Where to keep features")] = None,
) -> None:
    """Trains the compact model and prints what it reaches on the held-out speakers."""
    try:
        run(data, out, Plan(seed=seed, epochs=epochs, threads=threads), cache)
    except TonewatchError as error:
        print(error.message)
        raise typer.Exit(1) from error


def run(data: Path, out: Path, plan: Plan, cache: Path | None) -> None:
    """Prepares, trains, exports, measures."""
    clips = read_corpus(data)
    check_split(clips)
    with tempfile.TemporaryDirectory() as scratch:
        kept = cache or Path(scratch)
        print(f"{len(clips)} clips: reading and augmenting", flush=True)
        speech = prepare_speech(clips, data, plan.seed, kept)
        noise = prepare_noise(data, plan.seed, kept, held_out=False)
        held_out_noise = prepare_noise(data, plan.seed, kept, held_out=True)
    known = [number for number, clip in enumerate(clips) if not clip.held_out]
    sampler = Sampler([clips[n] for n in known], [speech[n] for n in known], noise)
    arrays = to_arrays(train(sampler, plan))
    write_weights(arrays, {"model": MODEL, "plan": asdict(plan)}, out / "weights.npz")
    report(NumpyNetwork(arrays), clips, speech, held_out_noise, out)


def report(
    network: NumpyNetwork,
    clips: list[Clip],
    speech: list[Prepared],
    noise: list[Prepared],
    out: Path,
) -> None:
    """Prints and writes what the network reaches on speakers and noises that it has not heard."""
    unheard = [number for number, clip in enumerate(clips) if clip.held_out]
    written: dict[str, object] = {}
    parts = [clips[n] for n in unheard], [speech[n] for n in unheard]
    for name, seconds, version in CONDITIONS:
        results = measure(network, *parts, seconds, version)
        print(f"\nheld-out speakers, {name}")
        print("\n".join(table(results)))
        written[name] = {corpus: asdict(figures) for corpus, figures in results.items()}
    angry = [float(score(network, sound, 3.0)[0]) for sound in noise]
    written["noise"] = {"windows": len(angry), "angry_above_half": sum(p > 0.5 for p in angry)}  # noqa: PLR2004
    print(f"\nnoise: {written['noise']}")
    (out / "figures.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
