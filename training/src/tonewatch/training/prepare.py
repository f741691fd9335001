"""Turns every clip into features once: clean and in a few augmented versions, kept on disk.

What the ear makes of them is computed next, in `vectors`. The order of the work does not matter:
each clip draws from its own generator.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tonewatch.evaluation.audio import read_audio
from tonewatch.evaluation.labelled import Segment
from tonewatch.evaluation.lines import telephone
from tonewatch.evaluation.sounds import held_out_noise, noise_recordings
from tonewatch.inference.engines.compact import features
from tonewatch.training import nonspeech
from tonewatch.training.augment import Surroundings, augment, trim
from tonewatch.training.nonspeech import synthetic_noise

VERSIONS = 6
"""The first is the recording itself, the others are augmented."""

SYNTHETIC_NOISES = 600
_LOG_FLOOR = 1e-10

Half = NDArray[np.float16]
Source = TypeVar("Source")


@dataclass(frozen=True, slots=True)
class Prepared:
    """Frame features of one sound in half precision, one array (frames, 81) per version."""

    versions: tuple[Half, ...]


def prepare_speech(clips: Sequence[Segment], data: Path, seed: int, folder: Path) -> list[Prepared]:
    """Features of all clips, in their order."""
    work = partial(_prepare_clip, data=data, seed=seed)
    names = [_name(clip, data) for clip in clips]
    return _cached(folder, "speech", [seed, VERSIONS, *names], partial(_in_parallel, work, clips))


def prepare_noise(
    data: Path, seed: int, folder: Path, synthetic: int = SYNTHETIC_NOISES
) -> list[Prepared]:
    """Features of sounds without speech: recordings, but for those held out, and synthetic ones."""
    files = _noise_files(data)
    work = partial(_prepare_noise, seed=seed)
    sources: list[Path | int] = [*files, *range(synthetic)]
    key = [seed, synthetic, *(str(file.relative_to(data)) for file in files)]
    return _cached(folder, "noise", key, partial(_in_parallel, work, sources))


@cache
def read_surroundings(data: Path) -> Surroundings:
    """Noise and rooms to augment with; the held-out noise recordings are not among them."""
    kinds: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
    for file in _noise_files(data):
        noise = read_audio(file)
        if len(noise):
            kinds[file.parent.name].append(noise)
    rooms = [_room(read_audio(file)) for file in sorted((data / "rooms").glob("*.flac"))]
    return Surroundings(tuple(map(tuple, kinds.values())), tuple(rooms))


def pack(frames: features.Frames) -> Half:
    """Frame features as half floats; power as its logarithm, since half floats span too little."""
    log_power = np.log10(frames.power + _LOG_FLOOR)[:, np.newaxis]
    return np.concatenate([frames.log_mel, log_power], axis=1).astype(np.float16)


def unpack(packed: Half) -> features.Frames:
    """The inverse of `pack`, to about 1 % of power."""
    values = packed.astype(np.float32)
    return features.Frames(values[:, :-1], np.float32(10) ** values[:, -1])


def _noise_files(data: Path) -> list[Path]:
    held_out = frozenset(held_out_noise(data))
    return [file for file in noise_recordings(data) if file not in held_out]


def _name(clip: Segment, data: Path) -> str:
    path = clip.path.relative_to(data) if clip.path.is_relative_to(data) else clip.path
    if clip.is_whole_file and clip.channel is None:
        return str(path)
    return f"{path} {clip.start_seconds} {clip.end_seconds} {clip.channel}"


def _room(response: NDArray[np.float32]) -> NDArray[np.float32]:
    """At most a second of response, from its direct sound on."""
    start = int(np.abs(response).argmax())
    return response[start : start + features.SAMPLE_RATE_HZ]


def _prepare_clip(task: tuple[int, Segment], data: Path, seed: int) -> Prepared:
    number, clip = task
    chance = np.random.default_rng([seed, number])
    surroundings = read_surroundings(data)  # once per process
    speech = trim(read_audio(clip.path, clip.start_seconds, clip.end_seconds, clip.channel))
    audios = [speech, *(augment(speech, surroundings, chance) for _ in range(VERSIONS - 1))]
    return Prepared(tuple(pack(features.analyse(audio)) for audio in audios))


def _prepare_noise(task: tuple[int, Path | int], seed: int) -> Prepared:
    number, source = task
    chance = np.random.default_rng([seed, number])
    audio = synthetic_noise(chance) if isinstance(source, int) else read_audio(source)
    audio = audio[: 30 * features.SAMPLE_RATE_HZ]
    return Prepared((pack(features.analyse(audio)), pack(features.analyse(telephone(audio)))))


def _in_parallel(
    work: Callable[[tuple[int, Source]], Prepared], sources: Sequence[Source]
) -> list[Prepared]:
    with ProcessPoolExecutor(max_workers=2) as pool:
        return list(pool.map(work, enumerate(sources), chunksize=32))


def _cached(
    folder: Path, name: str, key: Sequence[object], make: Callable[[], list[Prepared]]
) -> list[Prepared]:
    """What `make` returns, from disk if made before from the same recordings and features."""
    code = b"".join(
        Path(module).read_bytes()
        for module in (features.__file__, augment.__code__.co_filename, nonspeech.__file__)
    )
    digest = sha256(code + repr(key).encode()).hexdigest()[:16]
    file = folder / f"{name}-{digest}.npz"
    if not file.exists():
        _store(file, make())
    return _restore(file)


def _store(file: Path, prepared: Sequence[Prepared]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    arrays = [version for sound in prepared for version in sound.versions]
    per_sound = np.array([len(sound.versions) for sound in prepared])
    lengths = np.array([len(array) for array in arrays])
    partial_file = file.with_name(f"{file.stem}.part.npz")
    np.savez(partial_file, frames=np.concatenate(arrays), lengths=lengths, versions=per_sound)
    partial_file.replace(file)


def _restore(file: Path) -> list[Prepared]:
    with np.load(file) as stored:
        arrays = iter(np.split(stored["frames"], np.cumsum(stored["lengths"])[:-1]))
        return [Prepared(tuple(next(arrays) for _ in range(count))) for count in stored["versions"]]
