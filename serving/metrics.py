"""The metrics of a server, under the names and labels of TensorFlow Serving."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client.core import CollectorRegistry, Metric
from prometheus_client.registry import Collector

_LATENCY_BUCKETS = tuple(10 * 1.8**power for power in range(33))
"""Upper bounds in microseconds: 10 us to about 24 minutes."""
_EXAMPLE_BUCKETS = tuple(float(2**power) for power in range(15))

_NAMES, _NAME_BYTES, _OTHERS = 100, 128, "(others)"


class Histogram:
    """Counts of values by bucket, for each combination of labels. Values of one histogram share their buckets."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts: dict[tuple[tuple[str, str], ...], list[int]] = {}
        self._sums: dict[tuple[tuple[str, str], ...], float] = {}

    def observe(self, labels: tuple[tuple[str, str], ...], value: float) -> None:
        """Counts one value."""
        counts = self._counts.get(labels)
        if counts is None:
            self._sums[labels] = 0
            counts = self._counts[labels] = [0] * (len(self._bounds) + 1)
        counts[bisect_left(self._bounds, value)] += 1
        self._sums[labels] += value

    def add_samples_to(self, metric: Metric) -> Metric:
        """Adds all samples to a metric and returns it."""
        for labels, counts in sorted(self._counts.items()):
            below = 0
            for bound, count in zip([*(f"{bound:.6g}" for bound in self._bounds), "+Inf"], counts, strict=True):
                below += count
                metric.add_sample(f"{metric.name}_bucket", {**dict(labels), "le": bound}, below)
            metric.add_sample(f"{metric.name}_sum", dict(labels), self._sums[labels])
            metric.add_sample(f"{metric.name}_count", dict(labels), below)
        return metric


class ServerMetrics(Collector):
    """The metrics of one server, in a registry of their own.

    Requests are counted on the event loop and loads on the manager's thread; each cell has one writer.

    Args:
        models: Names that are always labels of their own, whatever other names clients ask for.
    """

    def __init__(self, models: Iterable[str] = ()) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)
        self._requests: dict[tuple[str, str], int] = {}
        self._names = set(models)
        self._request_latency = Histogram(_LATENCY_BUCKETS)
        self._runtime_latency = Histogram(_LATENCY_BUCKETS)
        self._examples = Histogram(_EXAMPLE_BUCKETS)
        self._example_totals: dict[str, int] = {}
        self._attempts: dict[tuple[str, str], int] = {}
        self._load_micros: dict[str, int] = {}
        self._warmups = Histogram(_LATENCY_BUCKETS)
        self._change: object = object()
        self._page: tuple[object, bytes] = (None, b"")

    def request(self, model: str, status: str, api: str, seconds: float) -> None:
        """Counts one answered request; only successful ones count into the latency, as in TensorFlow Serving."""
        key = (self._label(model), status)
        self._requests[key] = self._requests.get(key, 0) + 1
        if status == "OK":
            labels = (("model_name", model), ("API", api), ("entrypoint", "REST"))
            self._request_latency.observe(labels, int(seconds * 1e6))
        self._change = object()

    def _label(self, model: str) -> str:
        """The model's name; of names that clients make up, only a few that are short and readable become labels."""
        if model in self._names:
            return model
        if len(self._names) >= _NAMES or not _is_readable(model):
            return _OTHERS
        self._names.add(model)
        return model

    def run(self, model: str, api: str, seconds: float) -> None:
        """Counts the call of the graph for one request; a shared call counts once for each request in it."""
        self._runtime_latency.observe((("model_name", model), ("API", api), ("runtime", "TF1")), int(seconds * 1e6))
        self._change = object()

    def examples(self, model: str, count: int) -> None:
        """Counts the tf.Examples of one request."""
        self._examples.observe((("model", model),), count)
        self._example_totals[model] = self._example_totals.get(model, 0) + count
        self._change = object()

    def load(self, path: Path, started: float, *, succeeded: bool, warm_up_seconds: float | None = None) -> None:
        """Counts an attempt to load that began at `started` (`time.perf_counter`), and its warm-up, if it had one."""
        micros = int((time.perf_counter() - started) * 1e6)
        key = (str(path), "success" if succeeded else "fail")
        self._attempts[key] = self._attempts.get(key, 0) + 1
        if succeeded:
            self._load_micros[str(path)] = self._load_micros.get(str(path), 0) + micros
        if warm_up_seconds is not None:
            self._warmups.observe((("model_path", str(path)), ("status", "OK")), int(warm_up_seconds * 1e6))
        self._change = object()

    def collect(self) -> Iterator[Metric]:
        """All metric families; the registry calls this."""
        attempts = Metric(":tensorflow:cc:saved_model:load_attempt_count", "Attempts to load a SavedModel.", "counter")
        for (path, status), count in sorted(self._attempts.items()):
            attempts.add_sample(attempts.name, {"model_path": path, "status": status}, count)
        yield attempts
        loads = Metric(":tensorflow:cc:saved_model:load_latency", "Microseconds spent loading.", "counter")
        for path, micros in sorted(self._load_micros.items()):
            loads.add_sample(loads.name, {"model_path": path}, micros)
        yield loads
        yield self._warmups.add_samples_to(
            Metric(":tensorflow:serving:model_warmup_latency", "Microseconds of a warm-up.", "histogram")
        )
        requests = Metric(":tensorflow:serving:request_count", "Requests.", "counter")
        for (model, status), count in sorted(self._requests.items()):
            requests.add_sample(requests.name, {"model_name": model, "status": status}, count)
        yield requests
        totals = Metric(":tensorflow:serving:request_example_count_total", "tf.Examples received.", "counter")
        for model, count in sorted(self._example_totals.items()):
            totals.add_sample(totals.name, {"model": model}, count)
        yield totals
        yield self._examples.add_samples_to(
            Metric(":tensorflow:serving:request_example_counts", "tf.Examples by request.", "histogram")
        )
        yield self._request_latency.add_samples_to(
            Metric(":tensorflow:serving:request_latency", "Microseconds of a request.", "histogram")
        )
        yield self._runtime_latency.add_samples_to(
            Metric(":tensorflow:serving:runtime_latency", "Microseconds of a call of the graph.", "histogram")
        )

    def page(self) -> bytes:
        """The page for Prometheus, made again only when something was counted since the last time.

        `prometheus_client.generate_latest` would rename the counters to `..._total`; those of TensorFlow Serving do not
        end so.
        """
        change = self._change  # taken before anything is read: what the manager counts meanwhile is not missed
        if self._page[0] is not change:
            self._page = change, self._new_page()
        return self._page[1]

    def _new_page(self) -> bytes:
        lines = []
        for metric in self.registry.collect():
            lines.append(f"# TYPE {metric.name} {metric.type}")
            for sample in metric.samples:
                labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in sample.labels.items())
                lines.append(f"{sample.name}{{{labels}}} {sample.value:.17g}")
        # A name or a path from the command line may not be UTF-8, which would make the whole page unreadable.
        return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _is_readable(name: str) -> bool:
    try:
        return len(name) <= _NAME_BYTES and len(name.encode()) <= _NAME_BYTES
    except UnicodeEncodeError:  # bytes that are not UTF-8; names that differ only in these would look the same
        return False


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
