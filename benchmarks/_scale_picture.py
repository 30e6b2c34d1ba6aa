"""The picture of what the steps cost as the rows grow: CPU seconds, wall seconds and peak memory, over the rows."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from benchmarks.pipeline import Cost

PANELS = {"cpu": "CPU seconds", "wall": "wall seconds", "memory": "peak memory, MiB"}
COLOURS = ("#5f6b7a", "#b3261e", "#1f5fa8", "#1a7f37", "#7a5600", "#8a4fbf", "#c46a1b", "#1d2733")


def picture(costs: Mapping[int, Mapping[str, Cost]]) -> str:
    """Return an SVG with a panel for each measure and a line for each step; both axes are logarithmic.

    Args:
        costs: By the number of rows, the cost of every step.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    rows = sorted(costs)
    style = {"svg.fonttype": "none", "svg.hashsalt": "scale", "font.size": 9.0, "axes.spines.top": False}
    with mpl.rc_context(style | {"axes.spines.right": False, "font.family": "DejaVu Sans"}):
        figure: Any = Figure(figsize=(10.5, 3.6), layout="constrained")
        panels = figure.subplots(1, len(PANELS))
        for axes, (measured, title) in zip(panels, PANELS.items(), strict=True):
            for colour, step in zip(COLOURS, costs[rows[0]], strict=True):
                values = [getattr(costs[size][step], measured) for size in rows]
                axes.plot(rows, values, marker="o", markersize=3, color=colour, label=step)
            axes.set(xscale="log", yscale="log", title=title, xlabel="rows")
            axes.grid(visible=True, linewidth=0.5, color="#d4d8dd")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right center", frameon=False)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue().replace("'DejaVu Sans'", "system-ui, sans-serif")
