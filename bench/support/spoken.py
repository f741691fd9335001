"""Speech placed at known times into silence and noise, so that what is speech is known by making.

The truth is in steps of 20 ms. A step is speech where the clip alone is within 30 dB of its loud
parts; gaps of up to 0.2 s inside (stops, breaths) belong to the speech, longer ones are pauses.
Noise is added afterwards and changes no label. Without a folder of recordings the speech is the
synthetic conversation of the demo, and noise is synthesised, too.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tonewatch.evaluation import lines
from tonewatch.evaluation.acoustics import SAMPLE_RATE_HZ, FloatArray, rms
from tonewatch.evaluation.audio import read_audio

STEP: Final = SAMPLE_RATE_HZ // 50
PAUSE_STEPS: Final = 10
CORPORA: Final = ("casia", "emodb", "nemo", "ravdess", "tess")
"""Not urdu: its talk shows have a background of their own, so silence in a clip is not known."""
NOISES: Final = ("ambience", "keyboard")
LOUD, QUIET, HISS, NOISE_ALONE = 0.1, 0.008, 0.0003, 0.03
"""RMS of a normal speaker (-20 dBFS), of a distant one (-42), of an idle line (-70), of noise."""

Bools = NDArray[np.bool_]


class Scene(NamedTuple):
    """A stretch of audio, and for each 20 ms whether it is speech."""

    name: str
    pcm: bytes
    speech: Bools

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.pcm) / 2 / SAMPLE_RATE_HZ


def scenes(data: Path | None, clips: int, seed: int = 5) -> Iterator[Scene]:
    """Speech in all conditions, then noise in which nobody speaks."""
    chance = np.random.default_rng(seed)
    sounds = _recorded(data, clips, chance) if data else _demo()
    audio, speech = _placed(sounds, chance)
    hiss = (HISS * chance.standard_normal(len(audio))).astype(np.float32)
    yield _scene("clean", audio + hiss, speech)
    yield _scene("quiet", audio * (QUIET / LOUD) + hiss, speech)
    yield _scene("telephone", lines.telephone(audio + hiss), speech)
    noises = {kind: _noise(data, kind, len(audio), chance) for kind in NOISES}
    for kind, noise in noises.items():
        for snr_db in (20, 10, 5):
            mixed = audio + noise * np.float32(LOUD * 10 ** (-snr_db / 20))
            yield _scene(f"{kind} {snr_db} dB", mixed, speech)
        if kind == "ambience":
            mixed = audio + noise * np.float32(LOUD * 10 ** (-10 / 20))
            yield _scene("telephone, ambience 10 dB", lines.telephone(mixed), speech)
    alone = {**noises, "tones": _tones(len(audio)), "music": _chords(len(audio))}
    if data:
        alone["nonspeech"] = _noise(data, "nonspeech", len(audio), chance)
    for kind, noise in alone.items():
        yield _scene(f"only {kind}", NOISE_ALONE * noise, np.zeros_like(speech))


def spoken_steps(clip: FloatArray) -> Bools:
    """Which steps of a clean clip are speech."""
    power = np.square(clip[: len(clip) // STEP * STEP].reshape(-1, STEP)).mean(axis=1)
    loud = np.flatnonzero(power > np.quantile(power, 0.95) / 1000)
    speech = np.zeros(len(power), dtype=bool)
    for first, following in zip(loud, [*loud[1:], loud[-1]], strict=True):
        gap = following - first
        speech[first : following if gap <= PAUSE_STEPS else first + 1] = True
    speech[loud[-1]] = True
    return speech


def _placed(clips: Sequence[FloatArray], chance: Generator) -> tuple[FloatArray, Bools]:
    """The clips, equally loud, with digital silence of 0.7 to 3 s before each and at the end."""
    audio: list[FloatArray] = []
    speech: list[Bools] = []
    for clip in [*clips, None]:
        pause = int(chance.integers(35, 150))
        audio.append(np.zeros(pause * STEP, dtype=np.float32))
        speech.append(np.zeros(pause, dtype=bool))
        if clip is None:
            break
        steps = spoken_steps(clip)
        first, last = np.flatnonzero(steps)[[0, -1]]
        cut = clip[first * STEP : (last + 1) * STEP]
        audio.append(np.asarray(cut * (LOUD / rms(cut)), dtype=np.float32))
        speech.append(steps[first : last + 1])
    return np.concatenate(audio), np.concatenate(speech)


def _recorded(data: Path, count: int, chance: Generator) -> list[FloatArray]:
    """As many clips of each corpus; at least a second long."""
    with (data / "speech.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if float(row["seconds"]) >= 1]
    found: list[str] = []
    for corpus in CORPORA:
        paths = [row["path"] for row in rows if row["corpus"] == corpus]
        found += chance.choice(paths, size=-(-count // len(CORPORA)), replace=False).tolist()
    return [read_audio(data / path) for path in chance.permutation(found)[:count]]


def _demo() -> list[FloatArray]:
    path = Path(__file__).parents[2] / "suite/src/tonewatch/suite/demo/conversation.flac"
    return np.array_split(read_audio(path), 3)


def _noise(data: Path | None, kind: str, samples: int, chance: Generator) -> FloatArray:
    """Pieces of up to 10 s of the recordings of a folder, of RMS 1 each."""
    if data is None:
        return _clicks(samples, chance) if kind == "keyboard" else _pink(samples, chance)
    files = sorted(path for path in (data / "noise" / kind).iterdir() if path.suffix != ".md")
    pieces: list[FloatArray] = []
    while sum(map(len, pieces)) < samples:
        sound = read_audio(files[int(chance.integers(len(files)))])
        start = int(chance.integers(max(1, len(sound) - 10 * SAMPLE_RATE_HZ)))
        piece = sound[start : start + 10 * SAMPLE_RATE_HZ]
        pieces.append(piece / np.float32(max(rms(piece), 1e-6)))
    return np.concatenate(pieces)[:samples]


def _pink(samples: int, chance: Generator) -> FloatArray:
    size = 1 << samples.bit_length()
    spectrum = np.fft.rfft(chance.standard_normal(size))
    return _unit(np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)))[:samples])


def _clicks(samples: int, chance: Generator) -> FloatArray:
    audio = 0.01 * chance.standard_normal(samples)
    for start in chance.integers(samples - 400, size=samples // 4_000):
        audio[start : start + 400] += chance.standard_normal(400) * np.geomspace(1, 0.01, 400)
    return _unit(audio)


def _tones(samples: int) -> FloatArray:
    """Dialling, ringing and busy tones in turn, of 5 s each."""
    time = np.arange(samples) / SAMPLE_RATE_HZ
    cadence = np.choose((time // 5 % 3).astype(int), (time > -1, time % 5 < 1, time % 1 < 0.5))
    return _unit(np.sin(2 * np.pi * 425 * time) * cadence)


def _chords(samples: int) -> FloatArray:
    """Music on hold: an organ with vibrato, a chord every two seconds."""
    time = np.arange(samples) / SAMPLE_RATE_HZ
    root = np.array([0, 5, 7, 0])[(time // 2 % 4).astype(int)]
    wobble = 0.15 * np.sin(2 * np.pi * 5.5 * time)
    audio = np.zeros(samples)
    for semitones in (0, 4, 7, 12):
        phase = 2 * np.pi * 220 * 2 ** ((root + semitones) / 12) * time + wobble
        audio += np.sin(phase) + 0.5 * np.sin(2 * phase) + 0.25 * np.sin(3 * phase)
    return _unit(audio)


def _unit(audio: NDArray[np.float64]) -> FloatArray:
    return np.asarray(audio / np.sqrt(np.mean(audio**2)), dtype=np.float32)


def _scene(name: str, audio: FloatArray, speech: Bools) -> Scene:
    """Whole seconds of 16-bit PCM."""
    whole = len(audio) // SAMPLE_RATE_HZ * SAMPLE_RATE_HZ
    pcm = (np.clip(audio[:whole], -1, 1) * 32767).astype("<i2").tobytes()
    return Scene(name, pcm, speech[: whole // STEP])
