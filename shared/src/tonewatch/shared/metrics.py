"""All Prometheus metrics of all services, declared once: name, kind, labels, help, buckets.

A service records through `Metrics`, which knows only declared names: a misspelt metric is a type
error. Every series is prefixed `tonewatch_` and labels are few and bounded.
"""

from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

CounterName = Literal[
    "loop_failures_total",
    "http_requests_total",
    "frames_published_total",
    "frames_dropped_total",
    "source_transitions_total",
    "frames_scored_total",
    "frames_shed_total",
    "utterances_scored_total",
    "gaps_total",
    "dead_letters_total",
    "claimed_total",
    "settle_lost_total",
    "scores_evaluated_total",
    "scores_late_total",
    "scores_ignored_total",
    "alerts_total",
    "deliveries_total",
    "notices_sent_total",
    "notices_held_total",
    "escalations_total",
    "rules_reloads_total",
    "sources_file_reloads_total",
    "records_written_total",
    "evidence_clips_total",
    "matrices_left_out_total",
    "rows_expired_total",
    "trimmed_total",
    "socket_refusals_total",
    "folder_files_total",
]
GaugeName = Literal[
    "sources",
    "ingest_buffer_frames",
    "oldest_unscored_seconds",
    "hop_seconds",
    "engine_ready",
    "engine_info",
    "gpu_memory_bytes",
    "real_time_factor",
    "sources_file_last_reload_success",
    "sources_file_last_reload_timestamp_seconds",
    "rules_loaded",
    "rules_hash",
    "rules_last_reload_success",
    "rules_last_reload_timestamp_seconds",
    "deliveries_waiting",
    "storage_disk_level",
    "database_bytes",
    "silences_active",
    "live_viewers",
    "listeners",
    "socket_connections",
]
HistogramName = Literal[
    "http_seconds",
    "batch_size",
    "queue_wait_seconds",
    "compute_seconds",
    "frame_to_score_seconds",
    "frame_to_stored_seconds",
    "frame_to_alert_seconds",
    "delivery_seconds",
    "write_batch_rows",
]

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60)
_SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


@dataclass(frozen=True, slots=True)
class _Spec:
    """What a metric means and how it is labelled."""

    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = _SECONDS


COUNTERS: Final[dict[CounterName, _Spec]] = {
    "loop_failures_total": _Spec("Background loops that failed and were restarted", ("loop",)),
    "http_requests_total": _Spec("HTTP requests answered", ("method", "route", "status")),
    "frames_published_total": _Spec("Frames handed to the broker", ("lane",)),
    "frames_dropped_total": _Spec("Frames that became a gap in ingest", ("reason",)),
    "source_transitions_total": _Spec("State changes of sources", ("state",)),
    "frames_scored_total": _Spec("Frames settled with a score", ("lane", "outcome")),
    "frames_shed_total": _Spec("Live frames given up under overload", ("reason",)),
    "utterances_scored_total": _Spec("Utterances scored", ("lane",)),
    "gaps_total": _Spec("Gaps declared by inference", ("reason",)),
    "dead_letters_total": _Spec("Messages moved to the dead letters", ("stream",)),
    "claimed_total": _Spec("Entries taken over from a stale consumer", ("stream",)),
    "settle_lost_total": _Spec("Outcomes dropped because another consumer was first", ("stream",)),
    "scores_evaluated_total": _Spec("Scores that passed the rule engine"),
    "scores_late_total": _Spec("Scores that came after their place in the track was passed"),
    "scores_ignored_total": _Spec("Scores that changed nothing (doubled, NaN)", ("reason",)),
    "alerts_total": _Spec("Alert transitions published", ("state", "priority")),
    "deliveries_total": _Spec("Delivery attempts", ("channel", "outcome")),
    "notices_sent_total": _Spec("Messages handed to delivery, one per receiver", ("type",)),
    "notices_held_total": _Spec("Alerts that nobody was told of, as yet or at all", ("reason",)),
    "escalations_total": _Spec("Escalations of alerts that nobody acknowledged"),
    "rules_reloads_total": _Spec("Reloads of the rules", ("outcome",)),
    "sources_file_reloads_total": _Spec("Reloads of the sources file", ("outcome",)),
    "records_written_total": _Spec("Rows written", ("table",)),
    "evidence_clips_total": _Spec("Clips asked for by alerts", ("outcome",)),
    "matrices_left_out_total": _Spec("Seconds written without their fine matrix: low disk"),
    "rows_expired_total": _Spec("Rows that retention has removed", ("table",)),
    "trimmed_total": _Spec("Stream entries trimmed", ("stream",)),
    "folder_files_total": _Spec("Recordings found in watched folders", ("outcome",)),
    "socket_refusals_total": _Spec("New sockets refused for their number or rate", ("reason",)),
}
GAUGES: Final[dict[GaugeName, _Spec]] = {
    "sources": _Spec("Sources by state", ("state",)),
    "ingest_buffer_frames": _Spec("Frames held because the broker is away"),
    "oldest_unscored_seconds": _Spec("Age of the oldest frame without a score", ("lane",)),
    "hop_seconds": _Spec("Seconds that one window answers for; more than 1 under overload"),
    "engine_ready": _Spec("1 when the model is loaded"),
    "engine_info": _Spec(
        "The engine; always 1", ("engine", "model", "revision", "device", "precision", "backend")
    ),
    "gpu_memory_bytes": _Spec("GPU memory that the engine holds"),
    "real_time_factor": _Spec(
        "Compute time per second of speech, lately; below 1 one worker keeps up with one track"
    ),
    "sources_file_last_reload_success": _Spec("1 if the last reload was accepted"),
    "sources_file_last_reload_timestamp_seconds": _Spec("When the file was last accepted"),
    "rules_loaded": _Spec("Rules in force"),
    "rules_hash": _Spec("Hash of the rules in force, as a number; replicas should agree"),
    "rules_last_reload_success": _Spec("1 if the last reload was accepted"),
    "rules_last_reload_timestamp_seconds": _Spec("When rules were last accepted"),
    "storage_disk_level": _Spec("0 enough room, 1 no fine matrices, 2 no seconds either"),
    "database_bytes": _Spec("Size of the database of storage"),
    "deliveries_waiting": _Spec("Deliveries that wait for their next attempt"),
    "silences_active": _Spec("Silences in force"),
    "live_viewers": _Spec("Open live views"),
    "listeners": _Spec("People who listen in to live calls"),
    "socket_connections": _Spec("Open sockets that bring audio"),
}
HISTOGRAMS: Final[dict[HistogramName, _Spec]] = {
    "http_seconds": _Spec("Time to answer an HTTP request", ("route",)),
    "batch_size": _Spec("Windows in one engine call", (), _SIZES),
    "queue_wait_seconds": _Spec("Frame published to handed to the engine", ("lane",)),
    "compute_seconds": _Spec("One engine call"),
    "frame_to_score_seconds": _Spec("Frame published to score published", ("lane",)),
    "frame_to_stored_seconds": _Spec("Frame published to row committed; of a large batch a part"),
    "frame_to_alert_seconds": _Spec("Frame published to alert published"),
    "delivery_seconds": _Spec("Time of one delivery attempt", ("channel",)),
    "write_batch_rows": _Spec("Rows in one commit", (), _SIZES),
}


class Metrics:
    """The metrics of one service, in a registry of its own (several can live in one process)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}

    def count(self, name: CounterName, amount: float = 1, /, **labels: str) -> None:
        """Add to a counter."""
        if name not in self._counters:
            spec = COUNTERS[name]
            self._counters[name] = Counter(
                f"tonewatch_{name}", spec.help, spec.labels, registry=self.registry
            )
        counter = self._counters[name]
        (counter.labels(**labels) if labels else counter).inc(amount)

    def set(self, name: GaugeName, value: float, /, **labels: str) -> None:
        """Set a gauge."""
        if name not in self._gauges:
            spec = GAUGES[name]
            self._gauges[name] = Gauge(
                f"tonewatch_{name}", spec.help, spec.labels, registry=self.registry
            )
        gauge = self._gauges[name]
        (gauge.labels(**labels) if labels else gauge).set(value)

    def observe(self, name: HistogramName, value: float, /, **labels: str) -> None:
        """Record one observation of a histogram, in the unit its name ends with."""
        if name not in self._histograms:
            spec = HISTOGRAMS[name]
            self._histograms[name] = Histogram(
                f"tonewatch_{name}",
                spec.help,
                spec.labels,
                buckets=spec.buckets,
                registry=self.registry,
            )
        histogram = self._histograms[name]
        (histogram.labels(**labels) if labels else histogram).observe(value)

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)
