"""The metric families that the exporter shows, and the collector that asks each source for samples at each scrape."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ml.errors import RetrainError
from ml.monitoring import build_info, drift_collector, state_collectors
from ml.monitoring.drift_collector import collect_drift
from ml.monitoring.performance_collector import collect_performance
from ml.monitoring.probation_collector import collect_probation
from ml.monitoring.run_collector import collect_runs
from ml.monitoring.state_collectors import Sample, Skipped
from ml.storage.root import Root
from serving.client.model_client import ModelServer, ServingError

log = logging.getLogger(__name__)
SKIPPED_LINES = 10  # in the log, of each source; the metric has the number
Source = Callable[[], Iterable[Sample | Skipped]]


class MetricFamily(NamedTuple):
    """A metric family: its name, its help text and the names of its labels."""

    name: str
    documentation: str
    labels: tuple[str, ...] = ()


FAMILIES = (
    MetricFamily("retrain_promoted_version", "The last version that was confirmed; 0 before the first."),
    MetricFamily("retrain_promoted_timestamp_seconds", "When that was."),
    MetricFamily("retrain_promoted_sample", "1 when that is a SAMPLE, trained on made-up customers."),
    MetricFamily(
        "retrain_pending_versions", "Versions that are published or begun, and neither confirmed nor withdrawn."
    ),
    MetricFamily(
        "retrain_hold_until_timestamp_seconds", "When the hold after a rollback ends by itself; 0 when none stands."
    ),
    MetricFamily("retrain_quarantined_models", "Models whose bytes are never served again."),
    MetricFamily("retrain_ledger_events_total", "Events in the ledger since its beginning.", ("event",)),
    MetricFamily("retrain_ledger_entries", "Lines of the ledger; it never has fewer than before."),
    MetricFamily("retrain_ledger_head", "The first 48 bits of the SHA-256 of its last line, as a number."),
    MetricFamily("retrain_ledger_faults", "Lines that were changed, removed, moved or inserted, by its chain."),
    MetricFamily("retrain_schema_number", "The number of the accepted schema that is in force; 0 for git's."),
    MetricFamily("retrain_waiting_runs", "Runs whose candidate waits for a person who approves or refuses it."),
    MetricFamily("retrain_waiting_since_timestamp_seconds", "Since when the first of these waits."),
    MetricFamily("retrain_overrides", "Overrides that stand and were not used yet."),
    MetricFamily("retrain_override_lapses_timestamp_seconds", "When the first of these lapses."),
    MetricFamily("retrain_consecutive_rejections", "Candidates rejected since a version was last confirmed."),
    MetricFamily("retrain_last_result_timestamp_seconds", "When a run last came to this outcome.", ("outcome",)),
    MetricFamily("retrain_last_run_outcome", "1 for what the last run that ended came to.", ("outcome",)),
    MetricFamily("retrain_last_step_seconds", "How long each step of that run took.", ("step",)),
    MetricFamily("retrain_anomalies", "Findings in the last data that were validated.", ("severity",)),
    MetricFamily("retrain_rows", "Customers in the last data: all of them, and of each split.", ("split",)),
    MetricFamily("retrain_drift", "Distance of the last data to those of the champion then.", ("feature",)),
    MetricFamily("retrain_drift_threshold", "From where on the feature counts as drifted.", ("feature",)),
    MetricFamily("retrain_epochs", "Epochs of the last training."),
    MetricFamily("retrain_loss", "Loss of the last training on its holdout."),
    MetricFamily("retrain_metric", "The last evaluation, by TFMA's metric names.", ("metric", "slice", "model")),
    MetricFamily("retrain_metric_bound", "What the last verdict asked of a metric.", ("metric", "bound")),
    MetricFamily("retrain_verdict", "1 for each reason of the last verdict.", ("reason",)),
    MetricFamily(
        "retrain_report_failures_total", "Pages about runs, and cards of versions, that could not be written."
    ),
    MetricFamily("retrain_served_version", "The highest version that the model server calls AVAILABLE; 0 for none."),
    MetricFamily("retrain_served_sample", "1 when that is a SAMPLE, trained on made-up customers."),
    MetricFamily("retrain_server_versions", "Versions that the model server knows, by state.", ("state",)),
    MetricFamily("retrain_probation", "1 for the state of the last version's probation, 0 for others.", ("state",)),
    MetricFamily("retrain_probation_until_timestamp_seconds", "When it ends, while it lasts."),
    MetricFamily(
        "retrain_probation_answered_timestamp_seconds",
        "While it lasts: when a check last found that the known rows are answered; when it began before the first.",
    ),
    MetricFamily("retrain_probation_item", "1 for what the last check found of each item.", ("item", "result")),
    MetricFamily("retrain_probation_breached_timestamp_seconds", "When a version last broke its probation."),
    MetricFamily(
        "retrain_live_computed_timestamp_seconds", "When it was computed how versions do with real customers."
    ),
    MetricFamily("retrain_live_metric", "What is known of a version from outcomes.", ("version", "measure")),
    MetricFamily(
        "retrain_live_metric_bound", "The ends of its interval of 95 %: low, high.", ("version", "measure", "bound")
    ),
    MetricFamily("retrain_live_fallen", "Whether a version does significantly worse than was expected.", ("version",)),
    MetricFamily(
        "retrain_live_customers", "Customers of its lists: scored, asked, with_outcome.", ("version", "customers")
    ),
    MetricFamily("retrain_live_outcomes", "Outcomes that came."),
    MetricFamily("retrain_live_outcomes_left", "Outcomes that were not used, by case.", ("case",)),
    MetricFamily("retrain_live_unreadable", "Lines and files of the record and of outcomes that are none.", ("unit",)),
    MetricFamily("retrain_live_newest_outcome_timestamp_seconds", "When the last outcome came."),
    MetricFamily("retrain_live_newest_list_timestamp_seconds", "The day on which the last list was made."),
    *(MetricFamily(*family) for family in drift_collector.FAMILIES),
    MetricFamily("retrain_disk_free_bytes", "Room left for an ordinary user.", ("volume",)),
    MetricFamily("retrain_disk_size_bytes", "Room there is for an ordinary user, used or not.", ("volume",)),
    MetricFamily("retrain_build_info", "1, with the versions of what runs here.", build_info.LABELS),
    MetricFamily("retrain_exporter_source_up", "Whether the numbers of this source could be read.", ("source",)),
    MetricFamily(
        "retrain_exporter_skipped", "Files and values there that could not be read; the log names them.", ("source",)
    ),
)


class StateCollector(Collector):
    """Asks each source at each scrape. A source that fails takes only its own samples with it."""

    def __init__(self, sources: dict[str, Source]) -> None:
        self._sources = sources
        self._failing: dict[str, str] = {}
        self._skipped: dict[str, set[str]] = {}
        self._lock = threading.Lock()

    def describe(self) -> Iterable[Metric]:
        """Return the families without samples, so that registering asks no source."""
        return [_empty(family) for family in FAMILIES]

    def collect(self) -> Iterator[Metric]:
        """Ask all sources, and yield every family that has a sample."""
        with self._lock:  # two scrapes at once would ask twice
            samples = [sample for name, source in self._sources.items() for sample in self._ask(name, source)]
        samples.extend(build_info.collect_build())
        for family in FAMILIES:
            metric = _empty(family)
            for sample in samples:
                if sample.name == family.name:
                    metric.add_metric(sample.labels, sample.value)
            if metric.samples:
                yield metric

    def _ask(self, name: str, source: Source) -> list[Sample]:
        try:
            found = [*source()]
            samples = [_checked(one) for one in found if isinstance(one, Sample)]
        # Lookups and conversions too: files may be of another version, or edited.
        except (
            *(OSError, RetrainError, ServingError, LookupError),
            *(TypeError, ValueError, AttributeError, OverflowError),
        ) as error:
            text = f"{type(error).__name__}: {error}"
            if self._failing.get(name) != text:  # said once, not at every scrape
                log.warning("the %s cannot be read: %s", name, text)
            self._failing[name] = text
            return [Sample("retrain_exporter_source_up", 0, (name,))]
        if self._failing.pop(name, None):
            log.info("the %s can be read again", name)
        skipped = {f"{one.where}: {one.why}" for one in found if isinstance(one, Skipped)}
        for text in sorted(skipped - self._skipped.get(name, set()))[:SKIPPED_LINES]:
            log.warning("skipped in the %s: %s", name, text)
        self._skipped[name] = skipped
        samples.append(Sample("retrain_exporter_skipped", len(skipped), (name,)))
        return [*samples, Sample("retrain_exporter_source_up", 1, (name,))]


def collector_registry(
    root: Root, server: ModelServer | None, *, probation_hours: float | None = None, versions: int = 5
) -> CollectorRegistry:
    """Return a registry that shows the state of `root`, of this process and, when one is given, of the model server.

    Without `probation_hours` it says nothing about the probation. `versions` is of how many it says how they do.
    """
    sources: dict[str, Source] = {
        "ledger": lambda: state_collectors.collect_ledger(root),
        "runs": lambda: collect_runs(root),
        "disk": lambda: state_collectors.collect_disk(root),
        "performance": lambda: collect_performance(root, versions),
        "monitoring": lambda: collect_drift(root),
    }
    if probation_hours is not None:
        sources["probation"] = lambda: collect_probation(root, probation_hours)
    if server is not None:
        sources["server"] = lambda: state_collectors.collect_server(server, root)
    registry = CollectorRegistry()
    registry.register(StateCollector(sources))
    ProcessCollector(registry=registry)
    return registry


def _empty(family: MetricFamily) -> CounterMetricFamily | GaugeMetricFamily:
    kind = CounterMetricFamily if family.name.endswith("_total") else GaugeMetricFamily
    return kind(family.name, family.documentation, labels=family.labels)


def _checked(sample: Sample) -> Sample:
    """Return the sample as the page needs it; what cannot be shown fails here, in its source, not on the whole page."""
    for label in sample.labels:
        label.encode()  # a lone surrogate is valid JSON, but not valid UTF-8
    return sample._replace(value=float(sample.value))
