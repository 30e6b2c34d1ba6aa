"""As much of Prometheus' statsd_exporter as our mapping uses, for machines that have none.

StatsD lines in the Influx tag form go in over UDP, the text format for Prometheus comes out over HTTP. Left out:
summaries, other tag forms, TTLs, `honor_labels`, scaling. Semantics: https://github.com/prometheus/statsd_exporter
"""

from __future__ import annotations

import re
import socket
import threading
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import yaml

KINDS = {"c": "counter", "g": "gauge", "ms": "observer"}
LINE = re.compile(r"(?P<name>[^:,]+)(?P<tags>(,[^:,=]+=[^:,=]+)*):(?P<value>[-+0-9.e]+)\|(?P<kind>c|g|ms)(\|@[0-9.]+)?")


class Sample(NamedTuple):
    """One line after mapping; `family` is None when it was dropped, by `rule`, which is the pattern that matched."""

    family: str | None
    kind: str
    labels: dict[str, str]
    value: float
    rule: str
    buckets: tuple[float, ...] = ()


class Mapping:
    """prometheus/statsd_mapping.yml."""

    def __init__(self, file: Path) -> None:
        content = yaml.safe_load(file.read_text())
        self.rules: list[dict[str, Any]] = content["mappings"]
        self.default_buckets = content["defaults"]["histogram_options"]["buckets"]

    def never_match(self) -> list[str]:
        """Globs that the exporter cannot reach: they repeat or begin an earlier one."""
        globs = [rule["match"].split(".") for rule in self.rules if rule.get("match_type") != "regex"]
        return [
            ".".join(glob) for n, glob in enumerate(globs) if any(before[: len(glob)] == glob for before in globs[:n])
        ]

    def sample(self, line: str) -> Sample:
        """What becomes of one line. A timer's milliseconds become seconds."""
        found = LINE.fullmatch(line)
        assert found, f"no StatsD line: {line!r}"
        kind = KINDS[found["kind"]]
        value = float(found["value"]) / (1000 if found["kind"] == "ms" else 1)
        labels = dict(tag.split("=") for tag in found["tags"].split(",")[1:])
        rule, captured = self._find(found["name"], kind)
        if rule.get("action") == "drop":
            return Sample(None, kind, labels, value, rule["match"])
        for label, text in rule.get("labels", {}).items():
            labels[label] = re.sub(r"\$(\d)", lambda group: captured[int(group[1]) - 1], text)
        buckets = rule.get("histogram_options", {}).get("buckets", self.default_buckets)
        return Sample(rule["name"], kind, labels, value, rule["match"], tuple(buckets) if kind == "observer" else ())

    def _find(self, name: str, kind: str) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Globs come before regular expressions, each in the order of the file."""
        for wanted in ("glob", "regex"):
            for rule in self.rules:
                if rule.get("match_type", "glob") != wanted or rule.get("match_metric_type", kind) != kind:
                    continue
                pattern = rule["match"]
                if wanted == "glob":
                    pattern = re.escape(pattern).replace(r"\*", r"([^.]*)")
                found = re.fullmatch(pattern, name) if wanted == "glob" else re.search(pattern, name)
                if found:
                    return rule, found.groups()
        raise AssertionError(f"{name}: no rule, not even the last")


@dataclass
class StatsdExporter:
    """Counters add up, gauges keep the last value, timers become histograms."""

    mapping: Mapping
    kinds: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[tuple[tuple[str, str], ...], Any]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def take(self, packet: bytes) -> None:
        for line in packet.decode().splitlines():
            self.lines.append(line)
            sample = self.mapping.sample(line)
            if sample.family is None:
                continue
            kind = self.kinds.setdefault(sample.family, sample.kind)
            assert kind == sample.kind, f"{sample.family} is {kind} and {sample.kind}"
            series, key = self.values.setdefault(sample.family, {}), tuple(sorted(sample.labels.items()))
            if sample.kind == "observer":
                sums, counts = series.setdefault(key, ([0.0], dict.fromkeys((*sample.buckets, float("inf")), 0)))
                sums[0] += sample.value
                counts[[*counts][bisect_left([*counts], sample.value)]] += 1
            elif sample.kind == "counter":
                series[key] = series.get(key, 0.0) + sample.value
            else:
                series[key] = sample.value

    def page(self) -> str:
        return "".join(self._page())

    def _page(self) -> Iterator[str]:
        for family, series in sorted(self.values.items()):
            kind = {"observer": "histogram"}.get(self.kinds[family], self.kinds[family])
            yield f"# TYPE {family} {kind}\n"
            for key, found in series.items():
                if kind != "histogram":
                    yield f"{family}{_braces(key)} {found}\n"
                    continue
                (total,), counts = found
                below = 0
                for bound, count in counts.items():
                    below += count
                    le = "+Inf" if bound == float("inf") else f"{bound:g}"
                    yield f"{family}_bucket{_braces((*key, ('le', le)))} {below}\n"
                yield f"{family}_sum{_braces(key)} {total}\n{family}_count{_braces(key)} {below}\n"


def _braces(labels: tuple[tuple[str, str], ...]) -> str:
    return "{" + ",".join(f'{name}="{text}"' for name, text in labels) + "}" if labels else ""


@contextmanager
def listening(mapping: Mapping) -> Iterator[tuple[StatsdExporter, int, int]]:
    """The exporter, the UDP port for StatsD and the HTTP port for Prometheus."""
    exporter = StatsdExporter(mapping)

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = exporter.page().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silence."""

    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
    udp.bind(("127.0.0.1", 0))
    http = ThreadingHTTPServer(("127.0.0.1", 0), Page)

    def receive() -> None:
        while packet := udp.recv(65535):  # an empty one ends it
            exporter.take(packet)

    threads = [threading.Thread(target=receive), threading.Thread(target=http.serve_forever, args=(0.05,))]
    for thread in threads:
        thread.start()
    try:
        yield exporter, udp.getsockname()[1], http.server_port
    finally:
        http.shutdown()
        http.server_close()
        udp.sendto(b"", udp.getsockname())
        for thread in threads:
            thread.join()
        udp.close()
