"""The few figures of Prometheus' texts that tell a person how the whole is."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: the samples it is made of, in which services, and how they are joined."""

    sample: str
    services: frozenset[str]
    join: Callable[[Iterable[float]], float] = sum


_ALL: Final = frozenset({"ingest", "inference", "alerting", "storage", "console"})
_INGEST: Final = frozenset({"ingest"})
_INFERENCE: Final = frozenset({"inference"})
_ALERTING: Final = frozenset({"alerting"})
_STORAGE: Final = frozenset({"storage"})

FIGURES: Final[Mapping[str, Figure]] = {
    "frames_published_total": Figure("tonewatch_frames_published_total", _INGEST),
    "frames_scored_total": Figure("tonewatch_frames_scored_total", _INFERENCE),
    "records_written_total": Figure("tonewatch_records_written_total", _STORAGE),
    "oldest_unscored_seconds": Figure("tonewatch_oldest_unscored_seconds", _INFERENCE, max),
    "real_time_factor": Figure("tonewatch_real_time_factor", _INFERENCE, max),
    "hop_seconds": Figure("tonewatch_hop_seconds", _INFERENCE, max),
    "gpu_memory_bytes": Figure("tonewatch_gpu_memory_bytes", _INFERENCE),
    "deliveries_waiting": Figure("tonewatch_deliveries_waiting", _ALERTING, max),
    "database_bytes": Figure("tonewatch_database_bytes", _STORAGE),
    "disk_level": Figure("tonewatch_storage_disk_level", _STORAGE, max),
    "live_viewers": Figure("tonewatch_live_viewers", frozenset({"console"})),
    "dead_letters_total": Figure("tonewatch_dead_letters_total", _ALL),
    "loop_failures_total": Figure("tonewatch_loop_failures_total", _ALL),
}

PROCESS: Final = {
    "memory_bytes": "process_resident_memory_bytes",
    "cpu_seconds": "process_cpu_seconds_total",
    "started_at_seconds": "process_start_time_seconds",
}
"""Of each process; not every platform has them."""

Samples = Mapping[str, list[float]]


def samples_of(text: str) -> Samples:
    """The values of every sample of a text of Prometheus, by name."""
    found: dict[str, list[float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.value)
    return found


def figures_of(samples: Mapping[str, Samples]) -> dict[str, float | None]:
    """All figures over the samples of services; None where no service tells."""
    figures: dict[str, float | None] = {}
    for name, figure in FIGURES.items():
        values = [
            value
            for service in figure.services & samples.keys()
            for value in samples[service].get(figure.sample, ())
        ]
        figures[name] = figure.join(values) if values else None
    return figures


def process_of(samples: Samples) -> dict[str, float | None]:
    """Memory, processor time and start of one process."""
    return {name: next(iter(samples.get(sample, ())), None) for name, sample in PROCESS.items()}
