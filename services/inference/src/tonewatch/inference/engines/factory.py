"""From the name of an engine to the engine; what it needs is imported only when it is asked for."""

from collections.abc import Callable
from pathlib import Path

from tonewatch.inference.engines.base import Engine
from tonewatch.inference.settings import InferenceOptions

Report = Callable[[str], None]
"""Told in a few words what the engine is doing while it loads; called from its thread."""


def create_engine(options: InferenceOptions, models_dir: Path, report: Report) -> Engine:
    """The engine that the settings name; not loaded yet."""
    if options.engine == "fake":
        from tonewatch.inference.engines.fake import FakeEngine

        return FakeEngine(options.fake_batch_seconds, options.steps_per_second)
    if options.engine == "compact":
        from tonewatch.inference.engines.compact import CompactEngine

        return CompactEngine(options.compact_weights, options.steps_per_second, report)
    from tonewatch.inference.engines.emotion2vec import Emotion2vecEngine

    return Emotion2vecEngine(
        options.model,
        hub=options.hub,
        hub_revision=options.revision,
        device=options.device,
        precision=options.precision,
        backend=options.backend,
        threads=options.threads,
        steps_per_second=options.steps_per_second,
        step_smoothing_ms=options.step_smoothing_ms,
        models_dir=options.cache_dir or models_dir,
        report=report,
    )
