"""The bundled conversation is heard as meant: calm, angry, calm, also after its trip as AAC."""

import json
import subprocess
from importlib.resources import files
from io import BytesIO

import numpy as np
import pytest
import soundfile
import webrtcvad
from numpy.typing import NDArray

from tests.support.require import require_tool
from tonewatch.inference.engines.compact import CompactEngine
from tonewatch.shared.emotions import EMOTIONS, Emotion

RATE_HZ = 16_000
ANGRY = EMOTIONS.index(Emotion.ANGRY)
DEMO = files("tonewatch.suite") / "demo"

Audio = NDArray[np.float32]


def conversation() -> Audio:
    audio, rate_hz = soundfile.read(
        BytesIO((DEMO / "conversation.flac").read_bytes()), dtype="float32"
    )
    assert rate_hz == RATE_HZ
    return np.asarray(audio, dtype=np.float32)


def through_ffmpeg(audio: Audio, *encode: str) -> Audio:
    raw = ("-f", "f32le", "-ar", str(RATE_HZ), "-ac", "1")
    content = audio.tobytes()
    for arguments in ((*raw, "-i", "-", *encode, "-f", "flv", "-"), ("-i", "-", *raw, "-")):
        command = ["ffmpeg", "-v", "error", *arguments]
        content = subprocess.run(command, input=content, capture_output=True, check=True).stdout
    return np.frombuffer(content, dtype=np.float32)


def plain() -> Audio:
    return conversation()


def aac() -> Audio:
    require_tool("ffmpeg")
    return through_ffmpeg(conversation(), "-c:a", "aac", "-b:a", "64k", "-ar", "44100", "-ac", "1")


def joined_late() -> Audio:
    """As heard by somebody who joined the stream 0.37 s after it began."""
    return aac()[int(0.37 * RATE_HZ) :]


@pytest.fixture(scope="module", params=[plain, aac, joined_late])
def angry(request: pytest.FixtureRequest) -> Audio:
    """The probability of angry for each second, scored with up to two seconds before it."""
    audio = request.param()
    engine = CompactEngine()
    engine.load()
    ends = range(1, len(audio) // RATE_HZ + 1)
    windows = [audio[max(0, end - 3) * RATE_HZ : end * RATE_HZ] for end in ends]
    return np.array([answer.probabilities[ANGRY] for answer in engine.score(windows)])


def stretches() -> list[tuple[int, int, str]]:
    about = json.loads((DEMO / "conversation.json").read_text(encoding="utf-8"))
    return [(s["start_seconds"], s["end_seconds"], s["emotion"]) for s in about["stretches"]]


def test_the_conversation_is_calm_then_angry_then_calm() -> None:
    assert [emotion for _, _, emotion in stretches()] == ["neutral", "angry", "neutral"]
    seconds = len(conversation()) / RATE_HZ
    assert seconds == stretches()[-1][1]
    assert 24 <= seconds <= 30


def test_three_seconds_in_a_row_of_the_angry_stretch_are_clearly_angry(angry: Audio) -> None:
    start, end, _ = stretches()[1]
    clear = angry[start:end] > 0.8  # the default rule asks for 0.75
    assert any(clear[second : second + 3].all() for second in range(len(clear) - 2))


def test_the_calm_stretches_are_not_angry(angry: Audio) -> None:
    first, _, last = stretches()
    assert angry[first[0] : first[1] - 1].max() < 0.5
    assert angry[last[0] + 3 : last[1] - 1].max() < 0.5


def test_most_of_the_conversation_is_heard_as_speech() -> None:
    pcm = (conversation() * 32767).astype("<i2").tobytes()
    vad = webrtcvad.Vad(2)
    frame = 2 * RATE_HZ * 30 // 1000
    heard = [
        vad.is_speech(pcm[i : i + frame], RATE_HZ) for i in range(0, len(pcm) - frame + 1, frame)
    ]
    assert np.mean(heard) > 0.6


def test_the_file_is_small() -> None:
    assert len((DEMO / "conversation.flac").read_bytes()) < 700_000
