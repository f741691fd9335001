"""Reads sound files as the engines want them: mono, 16 kHz, float32."""

from collections.abc import Callable
from functools import cache
from math import gcd
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from scipy.signal import resample_poly

from tonewatch.evaluation.acoustics import SAMPLE_RATE_HZ, FloatArray
from tonewatch.evaluation.labelled import Listing, Segment
from tonewatch.shared.errors import InvalidInputError

AUDIO: Final = frozenset(f".{name.lower()}" for name in soundfile.available_formats()) | {".opus"}
"""Suffixes of files that may be audio."""

SLACK_SECONDS: Final = 1.0
"""A label may end so much after its recording: people and tools round."""


def inspect(listing: Listing) -> None:
    """Look at every recording's header and leave out what cannot be heard.

    So a mistake is told before the engine has worked for an hour, and all of them at once.

    Raises:
        InvalidInputError: nothing is left; it names all mistakes.
    """
    describe = cache(_describe)  # many labels may speak of one recording
    found = ((segment, _mistake_of(segment, describe)) for segment in listing.segments)
    listing.drop([(segment, mistake) for segment, mistake in found if mistake is not None])
    listing.require()


def read_audio(
    path: Path,
    start_seconds: float = 0.0,
    end_seconds: float | None = None,
    channel: int | None = None,
) -> FloatArray:
    """A stretch of a file as mono at 16 kHz, in [-1, 1]; of one channel (from 1), or all mixed.

    Raises:
        InvalidInputError: the file cannot be read, or nothing is in that stretch.
    """
    try:
        with soundfile.SoundFile(path) as file:
            rate_hz = file.samplerate
            file.seek(min(round(start_seconds * rate_hz), file.frames))
            count = -1 if end_seconds is None else round((end_seconds - start_seconds) * rate_hz)
            audio = file.read(count, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise _unreadable(path, error) from error
    if not len(audio):
        raise InvalidInputError(f"{path} has no audio at {start_seconds:g} s")
    if channel is not None and channel > audio.shape[1]:
        raise InvalidInputError(_no_channel(path, audio.shape[1], channel))
    mono = audio.mean(axis=1) if channel is None else audio[:, channel - 1]
    if not np.isfinite(mono).all():
        raise InvalidInputError(f"{path} has samples that are no numbers")
    if rate_hz != SAMPLE_RATE_HZ:
        common = gcd(rate_hz, SAMPLE_RATE_HZ)
        mono = resample_poly(mono, SAMPLE_RATE_HZ // common, rate_hz // common)
    return np.asarray(mono, dtype=np.float32)


def _describe(path: Path) -> tuple[float, int] | str:
    """Seconds and channels of a recording, or why it cannot be read."""
    try:
        found = soundfile.info(path)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        return _unreadable(path, error).message
    return found.frames / found.samplerate, found.channels


def _unreadable(path: Path, error: Exception) -> InvalidInputError:
    reason = getattr(error, "error_string", str(error))  # str(error) repeats the path
    return InvalidInputError(f"{path} cannot be read as audio ({reason.rstrip('.')})")


def _no_channel(path: Path, channels: int, wanted: int) -> str:
    return f"{path} has {channels} channel(s), none with number {wanted}"


def _mistake_of(
    segment: Segment, describe: Callable[[Path], tuple[float, int] | str]
) -> str | None:
    """Why a recording cannot be read, or what its label says that it does not have."""
    described = describe(segment.path)
    if isinstance(described, str):
        return described
    (seconds, channels), end = described, segment.end_seconds
    if not seconds:
        return f"{segment.path} is empty"
    if segment.channel is not None and segment.channel > channels:
        return _no_channel(segment.path, channels, segment.channel)
    if segment.start_seconds >= seconds or (end is not None and end > seconds + SLACK_SECONDS):
        until = "" if end is None else f" to {end:g} s"
        start = f"{segment.start_seconds:g} s{until}"
        return f"from {start}, but {segment.path} has only {seconds:.1f} s"
    return None
