"""How metrics look in sentences, and in a table of candidate, champion and bounds for a terminal.

Free of heavy imports: the Airflow side prints this table, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

ORDER = ("BinaryAccuracy", "AUC", "Precision", "Recall", "ExampleCount")
BOUNDS = {"at least": "at_least", "at most": "at_most"}


def metric_table(
    metrics: Mapping[str, Any], champion_metrics: Mapping[str, Any], judge: Mapping[str, Any]
) -> Iterator[str]:
    """Yield the lines of a table; that of the champion only when there is one.

    Args:
        metrics: The candidate's, by TFMA's names; None where undefined.
        champion_metrics: The champion's on the same rows; empty without one.
        judge: The settings of the judge as a plain tree.
    """
    bounds = {heading: judge.get(section, {}) for heading, section in BOUNDS.items()}
    columns = {"candidate": metrics, "at least": bounds["at least"], "at most": bounds["at most"]}
    if champion_metrics:
        columns |= {"champion": champion_metrics}
    present = [metric for metric in ORDER if metric in metrics]
    rows = [["metric", *columns]]
    rows += [[metric, *(_cell(metric, column.get(metric)) for column in columns.values())] for metric in present]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for name, *cells in rows:
        yield "  ".join(["", name.ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells, widths[1:], strict=True))])


def metric_text(metric: str, value: float) -> str:
    """Return a count as a whole number, and any other metric with four decimals."""
    return f"{value:.0f}" if metric == "ExampleCount" else f"{value:.4f}"


def distinguishable(metric: str, value: float, bound: float) -> tuple[str, str]:
    """Return both as `metric_text` does, with as many more decimals as it takes to see that they differ."""
    shown = metric_text(metric, value), metric_text(metric, bound)
    decimals = 4
    while shown[0] == shown[1] and value != bound and decimals < 9:
        decimals += 1
        shown = f"{value:.{decimals}f}", f"{bound:.{decimals}f}"
    return shown


def _cell(metric: str, value: float | None) -> str:
    return "-" if value is None or value != value else metric_text(metric, value)
