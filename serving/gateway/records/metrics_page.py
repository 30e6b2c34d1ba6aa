"""What became of the record, for Prometheus: a handful of numbers without labels, and nothing of customers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
FAMILIES = {
    "gateway_recording": ("gauge", "1 while rows are recorded, 0 when none can be written, or nothing records."),
    "gateway_record_bytes": ("gauge", "The bytes of all files of the record."),
    "gateway_record_rows_written_total": ("counter", "Rows that were written."),
    "gateway_record_rows_dropped_total": ("counter", "Rows that were not: the disk was full, for example."),
    "gateway_record_requests_dropped_total": ("counter", "Requests and files of which no row was written."),
}
"""The metric families: type and help."""
_OF_COUNT = {
    "bytes": "gateway_record_bytes",
    "written": "gateway_record_rows_written_total",
    "dropped_rows": "gateway_record_rows_dropped_total",
    "dropped_requests": "gateway_record_requests_dropped_total",
}


def metrics_page(counts: Mapping[str, Any] | None) -> bytes:
    """Returns the page in Prometheus' text format.

    Args:
        counts: Those of the recorder (`Recorder.counts`); None when nothing is to be recorded: the page is empty then.
    """
    if counts is None:
        return b""
    values = {name: int(counts[count]) for count, name in _OF_COUNT.items()}
    values["gateway_recording"] = int(counts["state"] == "writing")
    lines = []
    for name, (kind, told) in FAMILIES.items():
        lines += [f"# HELP {name} {told}", f"# TYPE {name} {kind}", f"{name} {values[name]}"]
    return "\n".join([*lines, ""]).encode()
