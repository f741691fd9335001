"""The emotion2vec engine around a small model with random weights."""

from pathlib import Path
from typing import Any

from tonewatch.inference.engines.emotion2vec import Emotion2vecEngine


def loaded(directory: Path, **options: Any) -> Emotion2vecEngine:
    """An engine that can score; on the CPU unless `options` say otherwise."""
    made = Emotion2vecEngine(
        str(directory), models_dir=directory.parent, threads=1, **({"device": "cpu"} | options)
    )
    made.load()
    return made
