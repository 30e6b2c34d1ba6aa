"""A recorded afternoon, and a real Prometheus that has seen it.

Recorded by `record.py`: the real Airflow, the real steps on the Kaggle file, our model server with some traffic, the
exporter, and StatsD. Ten runs: promoted, unchanged, promoted, blocked, promoted with drift, rejected twice, rejected as
too good to be true, failed, promoted. `series.txt.gz` has a sample every 15 s of each series that an alert or a
dashboard asks for; `page_*.txt` are the last pages that were scraped; `statsd.txt` has each distinct StatsD line once,
those of a scheduled run, of a retry and of Celery among them (`record_lines.py`).
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import yaml

from ml.storage.root import PROJECT
from tests.prometheus.debian import CONFIGURATION, prometheus, said_by, tool

RECORDED = PROJECT / "tests" / "prometheus" / "recorded"
SERIES = RECORDED / "series.txt.gz"
LINES = RECORDED / "statsd.txt"
DASHBOARDS = sorted((CONFIGURATION / "grafana" / "dashboards").glob("*.json"))
# What Grafana makes of it at this scrape interval: four times that.
RATE_INTERVAL = "1m"


class Expression(NamedTuple):
    """Something that is asked of Prometheus, and by whom."""

    where: str
    promql: str


def of_dashboards() -> Iterator[Expression]:
    for file in DASHBOARDS:
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                promql = target["expr"].replace("$__rate_interval", RATE_INTERVAL)
                yield Expression(f"{file.stem}: {panel['title']}, {target['refId']}", promql)


def of_alerts() -> Iterator[Expression]:
    for group in yaml.safe_load((CONFIGURATION / "alerts.yml").read_text())["groups"]:
        for rule in group["rules"]:
            yield Expression(rule["alert"], rule["expr"])


def distinct(lines: Iterable[str]) -> list[str]:
    """Of those that differ in their number only, the first."""
    found: dict[str, str] = {}
    for line in lines:
        found.setdefault(re.sub(r":[^|]*", "", line, count=1), line)
    return sorted(found.values())


def span() -> tuple[float, float]:
    """Of the recording, in seconds since 1970."""
    with gzip.open(SERIES, "rt") as file:
        times = [float(line.rpartition(" ")[2]) for line in file if not line.startswith("#")]
    return min(times), max(times)


@contextmanager
def replayed(scratch: Path) -> Iterator[str]:
    """The URL of a Prometheus that scrapes nothing and remembers the recording."""
    text = scratch / "series.txt"
    text.write_bytes(gzip.decompress(SERIES.read_bytes()))
    said_by(tool("promtool"), "tsdb", "create-blocks-from", "openmetrics", text, scratch / "data")
    configuration = scratch / "prometheus.yml"
    configuration.write_text("scrape_configs: []\n")
    with prometheus(configuration, data=scratch / "data", log=scratch / "prometheus.log") as url:
        yield url


def names_in(promql: str) -> set[str]:
    """The metrics that an expression asks for."""
    without_strings = re.sub(r'"[^"]*"', '""', promql)
    without_labels = re.sub(r"\{[^}]*\}|\b(by|on|ignoring|without)\s*\([^)]*\)", "", without_strings)
    words = re.findall(r"[:a-zA-Z_][:\w]*(?!\w*\s*\()", re.sub(r"\[[^\]]*\]|\boffset \w+", "", without_labels))
    return {word for word in words if word not in {"or", "and", "unless", "on", "by", "e6"}}
