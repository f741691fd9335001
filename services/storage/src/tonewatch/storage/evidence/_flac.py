"""PCM as FLAC, by libsndfile."""

import io

import numpy as np
import soundfile

from tonewatch.shared.messages import SAMPLE_RATE_HZ


def encode_flac(pcm: bytes) -> bytes:
    """A FLAC file of 16 kHz mono s16le samples; takes some ms per ten seconds: use a thread."""
    file = io.BytesIO()
    samples = np.frombuffer(pcm, dtype="<i2")
    soundfile.write(file, samples, SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
    return file.getvalue()
