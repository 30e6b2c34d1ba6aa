"""How numbers look in sentences and tables."""

from __future__ import annotations


def metric_text(metric: str, value: float) -> str:
    """Counts as whole numbers, everything else with four decimals."""
    return f"{value:.0f}" if metric == "ExampleCount" else f"{value:.4f}"


def rows_text(count: int) -> str:
    """`1 row`, `2 rows`."""
    return "1 row" if count == 1 else f"{count:,} rows"
