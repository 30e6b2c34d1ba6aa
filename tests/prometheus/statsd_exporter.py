"""Prometheus' statsd_exporter, in the version that the compose file runs, as a process on free loopback ports.

Debian has no package of it; `requirements/statsd_exporter.sh` builds it, and `.ci/run` calls that.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from ml.storage.root import PROJECT
from tests.prometheus.debian import CONFIGURATION, eventually, get, running

MAPPING = CONFIGURATION / "statsd_mapping.yml"
INSTALL = "requirements/statsd_exporter.sh"
ITS_OWN = r"(# \w+ )?(statsd_exporter|statsd_metric_mapper|go|process|promhttp)_"
DROPPED = 'statsd_exporter_events_actions_total{action="drop"}'
# How an event ends, each counted when all else about it is done.
ENDS = (
    *(DROPPED, "statsd_exporter_events_total"),
    *("statsd_exporter_events_conflict_total", "statsd_exporter_events_error_total"),
)


class Series(NamedTuple):
    """One series by family, kind and labels; of a histogram its sum, with the number of events and the bounds."""

    family: str
    kind: str
    labels: frozenset[tuple[str, str]]


@dataclass
class StatsdExporter:
    """A running one: `port` takes lines over UDP and TCP, `url` has the page. `sent` counts what `take` gave it."""

    port: int
    url: str
    sent: int = field(default=0)

    def take(self, lines: Iterable[str]) -> None:
        """Sends lines over TCP, where none is lost, and waits until each has been counted."""
        lines = [*lines]
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall("".join(f"{line}\n" for line in lines).encode())
        self.sent += len(lines)
        eventually(lambda: self._ended() >= self.sent, every=0.01)
        assert self._ended() == self.sent

    def page(self) -> str:
        """The families that lines became, without those about the exporter itself."""
        page = get(f"{self.url}/metrics")
        return "".join(line for line in page.splitlines(keepends=True) if not re.match(ITS_OWN, line))

    def series(self) -> dict[Series, float]:
        """Of counters and gauges the value, of histograms the sum of what was observed."""
        found: dict[Series, float] = {}
        for family in text_string_to_metric_families(self.page()):
            for sample in family.samples:
                name = sample.name.removesuffix("_sum") if family.type == "histogram" else sample.name
                if family.type != "histogram" or sample.name.endswith("_sum"):
                    found[Series(name, family.type, frozenset(sample.labels.items()))] = sample.value
        return found

    def about_itself(self, *names: str) -> float:
        """The sum of metrics about the exporter; a name may have its labels, as they are on the page."""
        lines = get(f"{self.url}/metrics").splitlines()
        return sum(
            float(line.rpartition(" ")[2])
            for line in lines
            if re.split("[ {]", line)[0] in names or line.rpartition(" ")[0] in names
        )

    def _ended(self) -> float:
        return self.about_itself(*ENDS)


def program() -> Path:
    """Where it is missing the test is skipped, but never in continuous integration."""
    compose = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
    version = compose["services"]["statsd-exporter"]["image"].rpartition(":")[2]
    found = PROJECT / ".go" / "bin" / f"statsd_exporter-{version}"
    if not found.exists():
        missing = (
            f"statsd_exporter {version} is not installed: {INSTALL} builds it, with Go (apt-get install golang-go)"
        )
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@contextmanager
def listening(mapping: Path, *options: str, log: Path) -> Iterator[StatsdExporter]:
    """A statsd_exporter with this mapping."""
    with socket.create_server(("127.0.0.1", 0)) as lines, socket.create_server(("127.0.0.1", 0)) as page:
        exporter = StatsdExporter(lines.getsockname()[1], f"http://127.0.0.1:{page.getsockname()[1]}")
    command: list[str | Path] = [
        program(),
        f"--statsd.mapping-config={mapping}",
        f"--statsd.listen-udp=127.0.0.1:{exporter.port}",
        f"--statsd.listen-tcp=127.0.0.1:{exporter.port}",
        f"--web.listen-address={exporter.url.removeprefix('http://')}",
        "--statsd.event-flush-interval=5ms",
        *options,
    ]
    with running(command, log=log):
        eventually(lambda: get(f"{exporter.url}/-/healthy"))
        yield exporter


def without_catch_all(scratch: Path) -> Path:
    """The mapping without its last rule, which drops what nobody has looked at: now that is counted as unmapped."""
    mapping = yaml.safe_load(MAPPING.read_text())
    assert mapping["mappings"].pop() == {"match": ".", "match_type": "regex", "action": "drop", "name": "dropped"}
    file = scratch / "without_catch_all.yml"
    file.write_text(yaml.safe_dump(mapping))
    return file


def rules() -> list[dict[str, Any]]:
    """The rules of the mapping, in the order of the file."""
    return list(yaml.safe_load(MAPPING.read_text())["mappings"])


@contextmanager
def recorder() -> Iterator[tuple[list[str], int]]:
    """The lines that came in, and the UDP port that takes them."""
    lines: list[str] = []
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
    udp.bind(("127.0.0.1", 0))

    def receive() -> None:
        while packet := udp.recv(65535):  # an empty one ends it
            lines.extend(packet.decode().splitlines())

    thread = threading.Thread(target=receive)
    thread.start()
    try:
        yield lines, udp.getsockname()[1]
    finally:
        udp.sendto(b"", udp.getsockname())
        thread.join()
        udp.close()
