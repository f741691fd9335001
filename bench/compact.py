"""The built-in model: how many live tracks one core carries, how long it loads, what it takes.

Every engine hears the same windows of three seconds with one thread in a process of its own. A live
track asks for one window a second, so windows per second of one core are tracks per core. Beside
it emotion2vec+ large, of full size with random weights, on the same audio (not with --quick).
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from support.figures import arguments, report
from support.models import clip, engine_of, make_model
from tonewatch.inference.engines.base import Engine

WINDOWS: Final = 8
ROUNDS: Final = 7
_WORKER: Final = "--hear"


def hear(engine_name: str, directory: str) -> dict[str, float]:
    """Figures of one engine in this process."""
    started = time.perf_counter()
    engine = _load(engine_name, Path(directory))
    load_seconds = time.perf_counter() - started
    windows = [clip(3, seed) for seed in range(WINDOWS)]
    engine.score(windows)  # warm
    rounds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        engine.score(windows)
        rounds.append(WINDOWS / (time.process_time() - started))
    return {
        "tracks": sorted(rounds)[ROUNDS // 2],
        "load_s": load_seconds,
        "rss_mb": _resident_mb(),
    }


def _load(name: str, directory: Path) -> Engine:
    if name == "compact":
        from tonewatch.inference.engines.compact import CompactEngine  # noqa: PLC0415 - is measured

        engine = CompactEngine()
        engine.load()
        return engine
    return engine_of(directory / "model", "int8 onnx", directory)


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measured(name: str, directory: Path) -> dict[str, float]:
    """The figures of an engine from a process of its own, with one thread."""
    run = [sys.executable, "-W", "ignore", __file__, _WORKER, name, str(directory)]
    threads = {**os.environ, "OMP_NUM_THREADS": "1"}
    output = subprocess.run(run, env=threads, check=True, stdout=subprocess.PIPE).stdout
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    return found


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__ or "")
    with tempfile.TemporaryDirectory(prefix="twb-") as folder:
        directory = Path(folder)
        compact = measured("compact", directory)
        large = None
        if not options.quick:
            make_model(directory / "model")
            large = measured("emotion2vec", directory)
    figures: dict[str, float | None] = {
        "tracks_per_core": compact["tracks"],
        "load_s": compact["load_s"],
        "rss_mb": compact["rss_mb"],
    }
    rows = [
        ("compact: live tracks per core, windows of 3 s", f"{compact['tracks']:.0f}"),
        ("compact: load, imports included", f"{compact['load_s']:.2f} s"),
        ("compact: memory of the process", f"{compact['rss_mb']:.0f} MB"),
    ]
    if large is not None:
        figures["emotion2vec_tracks_per_core"] = large["tracks"]
        figures["ratio"] = compact["tracks"] / large["tracks"]
        rows += [
            ("emotion2vec+ large, int8, the same audio", f"{large['tracks']:.1f} tracks per core"),
            ("emotion2vec+ large: memory of the process", f"{large['rss_mb']:.0f} MB"),
        ]
    report(rows, figures, options.json)


if __name__ == "__main__":
    if _WORKER in sys.argv:
        print(json.dumps(hear(*sys.argv[-2:])))
    else:
        main()
