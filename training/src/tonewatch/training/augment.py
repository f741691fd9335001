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

PLACES = ("anywhere", "speakerphone", "office")
PLACE_SHARES = (0.4, 0.4, 0.2)
"""The two that calls come from, more often than chance would put their parts together."""

SYNTHETIC_ROOM_SHARE = 0.4

LINES = ("as it is", "telephone", "mobile", "internet", "narrowed")
LINE_SHARES = (0.4, 0.27, 0.08, 0.1, 0.15)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Recordings of noise, by kind, and of rooms to place speech in."""

    noises: tuple[tuple[FloatArray, ...], ...]
    rooms: tuple[FloatArray, ...]


def augment(speech: FloatArray, surroundings: Surroundings, chance: Generator) -> FloatArray:
    """One plausible way in which the speech could have reached us."""
    speech = change_speed(speech, chance.uniform(0.88, 1.14))
    match chance.choice(PLACES, p=PLACE_SHARES):
        case "speakerphone":
            speech = _echoed(in_room(speech, _room(surroundings, chance)), chance)
            return lines.telephone(equalise(speech, chance))
        case "office":
            return equalise(_in_noise(speech, surroundings, chance, (3, 20)), chance)
        case _:
            return _anywhere(speech, surroundings, chance)


def _anywhere(speech: FloatArray, surroundings: Surroundings, chance: Generator) -> FloatArray:
    """Any mixture of what there is."""
    if chance.random() < ROOM_SHARE:
        speech = in_room(speech, _room(surroundings, chance))
    if chance.random() < ECHO_SHARE:
        speech = _echoed(speech, chance)
    if chance.random() < NOISE_SHARE:
        speech = _in_noise(speech, surroundings, chance, (0, 30))
    speech = equalise(speech, chance)
    if chance.random() < CLIPPING_SHARE:
        speech = clip_peaks(speech, chance.uniform(0.2, 0.7))
    return _over_a_line(speech, chance)


def _echoed(speech: FloatArray, chance: Generator) -> FloatArray:
    return echoed(speech, chance.uniform(0.02, 0.2), chance.uniform(6, 20))


def _in_noise(
    speech: FloatArray, around: Surroundings, chance: Generator, snr_db: tuple[float, float]
) -> FloatArray:
    if not around.noises:
        return speech
    kind = around.noises[chance.integers(len(around.noises))]
    return add_noise(speech, kind[chance.integers(len(kind))], chance.uniform(*snr_db), chance)


def _room(around: Surroundings, chance: Generator) -> FloatArray:
    """A measured room, or one that fades exponentially (0.15 to 0.7 s to -60 dB)."""
    if around.rooms and chance.random() >= SYNTHETIC_ROOM_SHARE:
        return around.rooms[chance.integers(len(around.rooms))]
    seconds = chance.uniform(0.15, 0.7)
    time = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    tail = chance.uniform(0.02, 0.12) * chance.standard_normal(len(time))
    tail *= 10 ** (-3 * time / seconds)
    tail[0] = 1.0
    return tail.astype(np.float32)


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
