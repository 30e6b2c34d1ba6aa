"""Reads the metrics page of TensorFlow Serving, or of our own model server, which has the same names.

Which questions failed through no fault of the asker is said as in the alert ServingErrors. A status question counts in
`request_count` too; only the latency histogram, by its label `API`, can tell the answered predictions apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ml.registry.traffic.counters import Counters
from serving.client.transport import TransportError, request

PATH = "/monitoring/prometheus/metrics"
SECONDS = 3.0
"""How long the page may take: whoever wants it has something better to do."""
_REQUESTS, _LATENCY = ":tensorflow:serving:request_count", ":tensorflow:serving:request_latency_bucket"
_NOT_THE_SERVERS_FAULT = ("OK", "INVALID_ARGUMENT", "NOT_FOUND", "CANCELLED")
_PREDICTIONS = ("predict", "classify", "regress")
_SAMPLE = re.compile(r"^([\w:]+)\{(.*)\} (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def counters_at(url: str, model: str) -> Counters | None:
    """Return the totals of a model on the server at `url`; None when it shows no metrics page, or does not answer."""
    try:
        response = request("GET", url.rstrip("/") + PATH, timeout=SECONDS)
    except (TransportError, ValueError):
        return None
    return counters_of(response.text, model) if response.status == 200 else None


def counters_of(page: str, model: str) -> Counters | None:
    """Return the totals of a model on a metrics page; None when the text is none."""
    if "# TYPE " not in page:
        return None
    failed, cumulative = 0.0, dict[float, float]()
    try:
        for name, labels, value in _samples(page):
            if labels.get("model_name") != model:
                continue
            if name == _REQUESTS and labels["status"] not in _NOT_THE_SERVERS_FAULT:
                failed += value
            elif name == _LATENCY and labels["API"].lower() in _PREDICTIONS:
                bound = float(labels["le"])
                cumulative[bound] = cumulative.get(bound, 0) + value
    except (ValueError, KeyError):
        return None
    latency, below = {}, 0.0
    for bound, count in sorted(cumulative.items()):
        latency[bound], below = int(count - below), count
    return Counters(int(failed), latency)


def _samples(page: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for name, labels, value in _SAMPLE.findall(page):
        if name in (_REQUESTS, _LATENCY):
            yield name, dict(_LABEL.findall(labels)), float(value)
