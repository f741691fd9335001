"""Makes studio recordings sound like calls: lines, rooms, noise, other microphones, other tempi."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from tonewatch.evaluation import lines
from tonewatch.evaluation.acoustics import (
    SAMPLE_RATE_HZ,
    FloatArray,
    add_noise,
    band_limit,
    change_speed,
    clip_peaks,
    echoed,
    equalise,
    in_room,
)

ROOM_SHARE, ECHO_SHARE, NOISE_SHARE, CLIPPING_SHARE = 0.3, 0.15, 0.6, 0.12

LINES = ("as it is", "telephone", "mobile", "internet", "narrowed")
LINE_SHARES = (0.4, 0.27, 0.08, 0.1, 0.15)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Recordings of noise and rooms to place speech in."""

    noises: tuple[FloatArray, ...]
    rooms: tuple[FloatArray, ...]


def augment(speech: FloatArray, surroundings: Surroundings, chance: Generator) -> FloatArray:
    """One plausible way in which the speech could have reached us."""
    speech = change_speed(speech, chance.uniform(0.88, 1.14))
    if surroundings.rooms and chance.random() < ROOM_SHARE:
        speech = in_room(speech, surroundings.rooms[chance.integers(len(surroundings.rooms))])
    if chance.random() < ECHO_SHARE:
        speech = echoed(speech, chance.uniform(0.02, 0.2), chance.uniform(6, 20))
    if surroundings.noises and chance.random() < NOISE_SHARE:
        noise = surroundings.noises[chance.integers(len(surroundings.noises))]
        speech = add_noise(speech, noise, chance.uniform(0, 30), chance)
    speech = equalise(speech, chance)
    if chance.random() < CLIPPING_SHARE:
        speech = clip_peaks(speech, chance.uniform(0.2, 0.7))
    return _over_a_line(speech, chance)


def trim(speech: FloatArray) -> FloatArray:
    """The speech without the quiet (35 dB below its loud parts) before and after it."""
    hop = SAMPLE_RATE_HZ // 100
    frames = speech[: len(speech) // hop * hop].reshape(-1, hop)
    level = np.sqrt(np.mean(frames**2, axis=1))
    if not len(level):
        return speech
    loud = np.flatnonzero(level > 0.018 * np.quantile(level, 0.95))
    if not len(loud):
        return speech
    return speech[max(0, loud[0] - 5) * hop : (loud[-1] + 6) * hop]


def _over_a_line(speech: FloatArray, chance: Generator) -> FloatArray:
    match chance.choice(LINES, p=LINE_SHARES):
        case "telephone":
            return lines.telephone(speech)
        case "mobile":
            return lines.mobile(speech)
        case "internet":
            return lines.internet(speech, chance.uniform(0.85, 1.0))
        case "narrowed":
            return band_limit(speech, 0, chance.uniform(3_500, 7_500))
        case _:
            return speech
