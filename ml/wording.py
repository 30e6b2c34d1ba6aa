"""How numbers look in sentences and tables."""

from __future__ import annotations


def metric_text(metric: str, value: float) -> str:
    """Counts as whole numbers, everything else with four decimals."""
    return f"{value:.0f}" if metric == "ExampleCount" else f"{value:.4f}"


def rows_text(count: int) -> str:
    """`1 row`, `2 rows`."""
    return "1 row" if count == 1 else f"{count:,} rows"


def apart(metric: str, value: float, bound: float) -> tuple[str, str]:
    """Both as `metric_text`, with as many more decimals as it takes to see that they differ."""
    shown = metric_text(metric, value), metric_text(metric, bound)
    decimals = 4
    while shown[0] == shown[1] and value != bound and decimals < 9:
        decimals += 1
        shown = f"{value:.{decimals}f}", f"{bound:.{decimals}f}"
    return shown
