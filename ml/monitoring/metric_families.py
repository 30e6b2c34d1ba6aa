"""The families that the exporter shows, and the collector that asks each source for its numbers at each scrape."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ml.errors import RetrainError
from ml.monitoring import state_collectors
from ml.monitoring.run_collector import of_runs
from ml.monitoring.state_collectors import Number, Skipped
from ml.storage.root import Root
from serving.client.model_client import ModelServer, ServingError

log = logging.getLogger(__name__)
SKIPPED_LINES = 10  # in the log, of each source; the metric has the number
Source = Callable[[], Iterable[Number | Skipped]]


class Family(NamedTuple):
    """One metric: its name, what it says, its labels."""

    name: str
    says: str
    labels: tuple[str, ...] = ()


FAMILIES = (
    Family("retrain_promoted_version", "The last version that was confirmed; 0 before the first."),
    Family("retrain_promoted_timestamp_seconds", "When that was."),
    Family("retrain_pending_versions", "Versions that are published or begun, and neither confirmed nor withdrawn."),
    Family("retrain_ledger_events_total", "Events in the ledger since its beginning.", ("event",)),
    Family("retrain_consecutive_rejections", "Candidates rejected since a version was last confirmed."),
    Family("retrain_last_result_timestamp_seconds", "When a run last came to this outcome.", ("outcome",)),
    Family("retrain_last_run_outcome", "1 for what the last run that ended came to.", ("outcome",)),
    Family("retrain_last_step_seconds", "How long each step of that run took.", ("step",)),
    Family("retrain_anomalies", "Findings in the last data that were validated.", ("severity",)),
    Family("retrain_rows", "Customers in the last data: all of them, and of each split.", ("split",)),
    Family("retrain_drift", "Distance of the last data to those of the champion then.", ("feature",)),
    Family("retrain_drift_threshold", "From where on the feature counts as drifted.", ("feature",)),
    Family("retrain_epochs", "Epochs of the last training."),
    Family("retrain_loss", "Loss of the last training on its holdout."),
    Family("retrain_metric", "The last evaluation, by TFMA's metric names.", ("metric", "slice", "model")),
    Family("retrain_metric_bound", "What the last verdict asked of a metric.", ("metric", "bound")),
    Family("retrain_verdict", "1 for each reason of the last verdict.", ("reason",)),
    Family("retrain_served_version", "The highest version that the model server calls AVAILABLE; 0 for none."),
    Family("retrain_server_versions", "Versions that the model server knows, by state.", ("state",)),
    Family("retrain_disk_free_bytes", "Room left for an ordinary user.", ("volume",)),
    Family("retrain_disk_size_bytes", "Room there is for an ordinary user, used or not.", ("volume",)),
    Family("retrain_exporter_source_up", "Whether the numbers of this source could be read.", ("source",)),
    Family(
        "retrain_exporter_skipped", "Files and values there that could not be read; the log names them.", ("source",)
    ),
)


class State(Collector):
    """Asks each source at each scrape. One that fails takes only its own numbers with it."""

    def __init__(self, sources: dict[str, Source]) -> None:
        self._sources = sources
        self._failing: dict[str, str] = {}
        self._skipped: dict[str, set[str]] = {}
        self._lock = threading.Lock()

    def describe(self) -> Iterable[Metric]:
        """The families, so that registering asks nobody."""
        return [_empty(family) for family in FAMILIES]

    def collect(self) -> Iterator[Metric]:
        """All families that have a number."""
        with self._lock:  # two scrapes at once would ask twice
            numbers = [number for name, source in self._sources.items() for number in self._ask(name, source)]
        for family in FAMILIES:
            metric = _empty(family)
            for number in numbers:
                if number.name == family.name:
                    metric.add_metric(number.labels, number.value)
            if metric.samples:
                yield metric

    def _ask(self, name: str, source: Source) -> list[Number]:
        try:
            found = [*source()]
            numbers = [_as_text_can_say_it(one) for one in found if isinstance(one, Number)]
        # Lookups and conversions too: files of another version, or that somebody edited.
        except (
            *(OSError, RetrainError, ServingError, LookupError),
            *(TypeError, ValueError, AttributeError, OverflowError),
        ) as error:
            text = f"{type(error).__name__}: {error}"
            if self._failing.get(name) != text:  # said once, not at every scrape
                log.warning("no numbers from the %s: %s", name, text)
            self._failing[name] = text
            return [Number("retrain_exporter_source_up", 0, (name,))]
        if self._failing.pop(name, None):
            log.info("numbers from the %s again", name)
        skipped = {f"{one.where}: {one.why}" for one in found if isinstance(one, Skipped)}
        for text in sorted(skipped - self._skipped.get(name, set()))[:SKIPPED_LINES]:
            log.warning("skipped in the %s: %s", name, text)
        self._skipped[name] = skipped
        numbers.append(Number("retrain_exporter_skipped", len(skipped), (name,)))
        return [*numbers, Number("retrain_exporter_source_up", 1, (name,))]


def registry_of(root: Root, server: ModelServer | None) -> CollectorRegistry:
    """A registry of its own with the state of `root` and of this process; without `server`, nothing of a server."""
    sources: dict[str, Source] = {
        "ledger": lambda: state_collectors.of_ledger(root),
        "runs": lambda: of_runs(root),
        "disk": lambda: state_collectors.of_disk(root),
    }
    if server is not None:
        sources["server"] = lambda: state_collectors.of_server(server, root)
    registry = CollectorRegistry()
    registry.register(State(sources))
    ProcessCollector(registry=registry)
    return registry


def _empty(family: Family) -> CounterMetricFamily | GaugeMetricFamily:
    kind = CounterMetricFamily if family.name.endswith("_total") else GaugeMetricFamily
    return kind(family.name, family.says, labels=family.labels)


def _as_text_can_say_it(number: Number) -> Number:
    """The number as the page needs it; what cannot be one fails here, inside its source, and not the whole page."""
    for label in number.labels:
        label.encode()  # a lone surrogate is valid JSON and no UTF-8
    return number._replace(value=float(number.value))
