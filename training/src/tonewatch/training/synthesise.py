"""`tonewatch-synthesise-demo`: the conversation that the demo plays, spoken by a synthesiser.

No recorded speech may be shipped, so espeak-ng speaks. The moods were found with `explore`: random
plausible voices for each mood, scored with the shipped model as in live operation, clean and after
AAC. The model has never heard this voice in training.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import soundfile
import typer

from tonewatch.inference.engines.compact.features import SAMPLE_RATE_HZ
from tonewatch.shared.errors import InvalidInputError, TonewatchError
from tonewatch.training.voice import FloatArray, Mood, speak

CALM = Mood("en-gb+f1", pitch=46, range_percent=34, words_per_minute=147, tilt_db_per_octave=-3.1)
ANGRY = Mood(
    "en-gb+f1",
    pitch=93,
    range_percent=239,
    words_per_minute=171,
    tilt_db_per_octave=5.6,
    drive=0.62,
)
SAD = Mood("en-us+f1", pitch=29, range_percent=57, words_per_minute=122, tilt_db_per_octave=-6.4)

SHORTEST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 0.5
LINE_NOISE = 10 ** (-66 / 20)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some seconds of the conversation in one mood."""

    emotion: str
    mood: Mood
    sentences: tuple[str, ...]
    seconds: int


CONVERSATION = (
    Stretch("neutral", CALM, (
        "Good morning, this is about an order of mine.",
        "It was promised for Monday, and today is Wednesday.",
        "Could you please have a look where it is?",
    ), 9),
    Stretch("angry", ANGRY, (
        "No! That is not good enough! Not again!",
        "You promised it! You lied to me! All of you!",
        "Give me my money back! Right now! Right now!",
    ), 9),
    Stretch("neutral", CALM, (
        "All right, thank you for looking into it.",
        "Then I will wait for the parcel until Friday.",
        "That is fine with me, have a good day.",
    ), 9),
)  # fmt: skip

SAMPLES = {
    "synthetic-calm": (CALM, "Good morning, could you please look where my order is?"),
    "synthetic-angry": (ANGRY, "Give me my money back! Right now! Right now!"),
    "synthetic-sad": (SAD, "It was a present. Now it is too late."),
}

app = typer.Typer(add_completion=False)


@app.command()
def main(
    out: Annotated[Path, typer.Option(help="Folder for conversation.flac and conversation.json")],
    samples: Annotated[Path | None, typer.Option(help="Folder for the short samples")] = None,
) -> None:
    """Synthesises the demo conversation and the short samples."""
    try:
        write_conversation(out)
        if samples:
            write_samples(samples)
    except TonewatchError as error:
        print(error.message)
        raise typer.Exit(1) from error


def write_conversation(folder: Path) -> None:
    """Writes conversation.flac and, in conversation.json, which seconds are meant to sound how."""
    audio = np.concatenate([stretch_audio(stretch) for stretch in CONVERSATION])
    _write(folder / "conversation.flac", audio)
    ends = np.cumsum([stretch.seconds for stretch in CONVERSATION]).tolist()
    stretches = [
        {"start_seconds": end - stretch.seconds, "end_seconds": end, "emotion": stretch.emotion}
        for stretch, end in zip(CONVERSATION, ends, strict=True)
    ]
    about = {"synthetic": True, "voice": "espeak-ng", "stretches": stretches}
    (folder / "conversation.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def write_samples(folder: Path) -> None:
    """Writes one short file per mood; their names say that nobody spoke them."""
    for name, (mood, sentence) in SAMPLES.items():
        _write(folder / f"{name}.flac", speak(sentence, mood))


def stretch_audio(stretch: Stretch) -> FloatArray:
    """Exactly the stretch's seconds of speech."""
    return fill([speak(sentence, stretch.mood) for sentence in stretch.sentences], stretch.seconds)


def fill(sentences: Sequence[FloatArray], seconds: int) -> FloatArray:
    """The sentences in turn, spread over exactly the seconds with equal pauses between them.

    Raises:
        InvalidInputError: the sentences leave no pause, or so much that the line seems dead.
    """
    silent = seconds * SAMPLE_RATE_HZ - sum(map(len, sentences))
    pause = silent // len(sentences)
    if not SHORTEST_PAUSE_SECONDS <= pause / SAMPLE_RATE_HZ <= LONGEST_PAUSE_SECONDS:
        raise InvalidInputError(
            f"{len(sentences)} sentences in {seconds} s leave pauses of "
            f"{pause / SAMPLE_RATE_HZ:.2f} s; give the stretch more or fewer words"
        )
    audio = spread(sentences, pause / SAMPLE_RATE_HZ)
    return np.pad(audio, (0, seconds * SAMPLE_RATE_HZ - len(audio)))  # what the division left


def spread(sentences: Sequence[FloatArray], pause_seconds: float) -> FloatArray:
    """The sentences in turn, a pause after each."""
    pause = np.zeros(round(pause_seconds * SAMPLE_RATE_HZ), dtype=np.float32)
    return np.concatenate([part for sentence in sentences for part in (sentence, pause)])


def _write(file: Path, audio: FloatArray) -> None:
    noise = LINE_NOISE * np.random.default_rng(1).standard_normal(len(audio))
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, np.clip(audio + noise, -1, 1), SAMPLE_RATE_HZ, subtype="PCM_16")
