"""How well ingest hears who speaks when, beside other detectors, and what it costs.

Speech is placed at known times into silence, noise and a telephone line (bench/support/spoken.py).
Figures per 20 ms; what is heard where nobody speaks in seconds per minute; and for the utterances
that ingest's segmenter cuts, how many are found as one and how far their edges are off. CPU is that
of one thread per second of audio, beside that of ffmpeg pulling a stream in real time.
"""

import argparse
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from support.detectors import BEFORE, OURS, Hear, detectors, seconds
from support.figures import report
from support.spoken import Bools, Scene, scenes
from tonewatch.ingest.audio import Segmenter, TrackCutter
from tonewatch.ingest.media import find_ffmpeg

STEP_MS: Final = 20
ROUNDS: Final = 5

Utterances = list[tuple[int, int]]


class Heard(NamedTuple):
    """What a detector made of a scene in which somebody speaks."""

    precision: float
    recall: float
    f1: float
    found: float
    """Share of the utterances that are one utterance again."""
    start_ms: float
    end_ms: float

    def __str__(self) -> str:
        return (
            f"P {self.precision:.3f}  R {self.recall:.3f}  F1 {self.f1:.3f}  utterances"
            f" {100 * self.found:3.0f} %, edges {self.start_ms:3.0f} and {self.end_ms:3.0f} ms off"
        )


def judge(heard: Bools, speech: Bools) -> Heard:
    """Compare step by step, and utterance by utterance."""
    right = int((heard & speech).sum())
    precision, recall = right / max(1, heard.sum()), right / speech.sum()
    wanted, got = utterances(speech), utterances(heard)
    pairs = []
    for each in wanted:
        touching = [other for other in got if _touch(each, other)]
        if len(touching) == 1 and sum(_touch(touching[0], other) for other in wanted) == 1:
            pairs.append((each, touching[0]))
    starts, ends = ([abs(a[edge] - b[edge]) for a, b in pairs] or [0] for edge in (0, 1))
    return Heard(
        precision,
        recall,
        2 * right / max(1, heard.sum() + speech.sum()),
        len(pairs) / len(wanted),
        statistics.median(starts),
        statistics.median(ends),
    )


def utterances(steps: Bools) -> Utterances:
    """Start and end in ms, as ingest cuts them."""
    segmenter = Segmenter()
    for step in steps:
        segmenter.push(voiced=bool(step))
    segmenter.close()
    return [(mark.start_ms, mark.end_ms or 0) for mark in segmenter.take_marks()]


def _touch(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def listen(detector: Hear, scene: Scene) -> Bools:
    """What a fresh detector says of a scene."""
    return np.array([step for second in seconds(scene.pcm) for step in detector(second)])


def cpu_us(make: Callable[[], Callable[[bytes], object]], scene: Scene) -> float:
    """CPU of a second of audio, the least of several rounds."""
    rounds = []
    for _ in range(ROUNDS):
        hear = make()
        started = time.process_time()
        for second in seconds(scene.pcm):
            hear(second)
        rounds.append((time.process_time() - started) / scene.seconds)
    return 1e6 * min(rounds)


def cut_up() -> Callable[[bytes], object]:
    """All that ingest does with a second before it is published."""
    cutter = TrackCutter()
    return lambda pcm: list(cutter.feed(pcm))


def ffmpeg_us(scene: Scene, long_seconds: int) -> float:
    """CPU of ffmpeg per second of a stream (AAC, 44.1 kHz) in real time, its start left out."""
    ffmpeg, used = find_ffmpeg(None), []
    with tempfile.TemporaryDirectory(prefix="twb-") as folder:
        file = str(Path(folder) / "stream.flv")
        raw = ["-f", "s16le", "-ar", "16000", "-ac", "1"]
        encode = [*raw, "-i", "pipe:0", "-c:a", "aac", "-b:a", "64k", "-ar", "44100", file]
        subprocess.run([ffmpeg, "-v", "error", *encode], input=scene.pcm, check=True)
        for length in (2, 2 + long_seconds):
            before = _children_seconds()
            pull = [ffmpeg, "-v", "error", "-nostdin", "-re", "-i", file, "-t", str(length), *raw]
            subprocess.run([*pull, "pipe:1"], check=True, stdout=subprocess.PIPE)
            used.append(_children_seconds() - before)
    return 1e6 * (used[1] - used[0]) / long_seconds


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few clips")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument(
        "--data", type=Path, help="recordings: speech.csv and noise/; else the demo"
    )
    parser.add_argument("--silero-onnx", type=Path, help="silero_vad_16k_sequence.onnx, to compare")
    options = parser.parse_args()
    played = list(scenes(options.data, 10 if options.quick else 100))
    makers = detectors(options.silero_onnx)
    rows: list[tuple[str, str]] = []
    figures: dict[str, float | None] = {}
    for name, make in makers.items():
        judged, false_seconds = [], []
        for scene in played:
            heard, key = listen(make(), scene), f"{name} {scene.name}"
            if scene.speech.any():
                judged.append(judge(heard, scene.speech))
                figures |= {_key(key, field): v for field, v in judged[-1]._asdict().items()}
                rows.append((f"{name}: {scene.name}", str(judged[-1])))
            else:
                false_seconds.append(60 * float(heard.mean()))
                figures[_key(key, "false_s_per_min")] = false_seconds[-1]
                rows.append((f"{name}: {scene.name}", f"{false_seconds[-1]:.1f} s per minute"))
        figures |= _overall(name, judged, false_seconds)
        rows.append((f"{name}: all", _sentence(figures, name)))
    noisy = next(scene for scene in played if scene.name == "ambience 10 dB")
    for name, feeds in {**makers, "ingest, all of a second": cut_up}.items():
        figures[_key(name, "cpu_us")] = used = cpu_us(feeds, noisy)
        rows.append((f"{name}: CPU per second of audio", f"{used:.0f} us"))
    pulled = ffmpeg_us(noisy, 10 if options.quick else 30)
    ours = figures[_key(OURS, "cpu_us")] or 0.0
    figures |= {
        "ffmpeg_cpu_us": pulled,
        "cpu_of_ffmpeg": ours / pulled,
        "cpu_of_before": ours / (figures[_key(BEFORE, "cpu_us")] or 1.0),
    }
    rows.append(("ffmpeg: CPU per second of a stream", f"{pulled:.0f} us"))
    rows.append(("ingest's share of that", f"{100 * ours / pulled:.1f} %"))
    report(rows, figures, options.json)


def _overall(
    name: str, judged: Sequence[Heard], false_seconds: Sequence[float]
) -> dict[str, float | None]:
    """The mean over all scenes with speech, and over all without."""
    means = {
        _key(name, field): statistics.mean(getattr(each, field) for each in judged)
        for field in Heard._fields
    }
    return {**means, _key(name, "false_s_per_min"): statistics.mean(false_seconds)}


def _sentence(figures: dict[str, float | None], name: str) -> str:
    values = (figures[_key(name, field)] or 0.0 for field in Heard._fields)
    return f"{Heard(*values)}, {figures[_key(name, 'false_s_per_min')]:.1f} s per minute"


def _key(*words: str) -> str:
    return "_".join(words).replace(",", "").replace(" ", "_")


if __name__ == "__main__":
    main()
