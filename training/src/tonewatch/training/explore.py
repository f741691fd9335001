"""`tonewatch-explore-voices`: which plausible synthetic voices the model hears in which mood.

Every mood has a range of settings that a person would call that mood; random voices inside
these ranges are spoken, encoded as for RTMP, scored as in live operation and listed, surest
first. The choice among them, and `synthesise`'s constants, are made by a person.
"""

from typing import Annotated

import numpy as np
import typer
from numpy.random import Generator

from tonewatch.inference.engines.compact import CompactEngine
from tonewatch.shared.emotions import EMOTIONS, Emotion
from tonewatch.training.hearing import hear, through_aac
from tonewatch.training.synthesise import CONVERSATION, spread
from tonewatch.training.voice import Mood, speak

VOICES = tuple(
    f"{accent}{variant}"
    for accent in ("en-us", "en-gb")
    for variant in ("", "+m1", "+m3", "+m4", "+m7", "+f1", "+f2", "+f3", "+f5")
)

app = typer.Typer(add_completion=False)


@app.command()
def main(
    mood: Annotated[Emotion, typer.Option(help="angry, neutral or sad")],
    tries: Annotated[int, typer.Option(help="How many voices to try")] = 100,
    seed: Annotated[int, typer.Option(help="Seed of the random voices")] = 1,
) -> None:
    """Lists random voices of a mood with its least and mean probability over their seconds."""
    engine = CompactEngine()
    engine.load()
    chance = np.random.default_rng(seed)
    tried = [_try(engine, _plausible(mood, chance), mood) for _ in range(tries)]
    for least, mean, angriest, voice in sorted(tried, key=lambda found: -found[0])[:25]:
        print(f"least {least:.2f}  mean {mean:.2f}  most angry {angriest:.2f}  {voice}")


def _try(engine: CompactEngine, voice: Mood, mood: Emotion) -> tuple[float, float, float, Mood]:
    texts = next(
        s.sentences for s in CONVERSATION if (s.emotion == "angry") == (mood is Emotion.ANGRY)
    )
    audio = spread([speak(text, voice) for text in texts], pause_seconds=0.25)
    posteriors = np.concatenate([hear(engine, audio)[2:], hear(engine, through_aac(audio))[2:]])
    wanted = posteriors[:, EMOTIONS.index(mood)]
    angriest = float(posteriors[:, EMOTIONS.index(Emotion.ANGRY)].max())
    return float(wanted.min()), float(wanted.mean()), angriest, voice


def _plausible(mood: Emotion, chance: Generator) -> Mood:
    """Angry: high, wide, fast, pressed. Neutral: middling, soft. Sad: low, flat, slow, dull."""
    voice = str(chance.choice(VOICES))
    if mood is Emotion.ANGRY:
        pitch, span, rate = (
            chance.integers(50, 100),
            chance.integers(120, 280),
            chance.integers(160, 215),
        )
        tilt, drive, rough = (
            chance.uniform(0, 7),
            chance.uniform(0, 1),
            chance.choice([0.0, 0.2, 0.4]),
        )
        return Mood(
            voice, int(pitch), int(span), int(rate), round(tilt, 1), round(drive, 2), float(rough)
        )
    sad = mood is Emotion.SAD
    pitch = chance.integers(15, 40) if sad else chance.integers(20, 55)
    span = chance.integers(10, 60) if sad else chance.integers(30, 110)
    rate = chance.integers(95, 125) if sad else chance.integers(125, 165)
    return Mood(voice, int(pitch), int(span), int(rate), round(chance.uniform(-8, 0), 1))
