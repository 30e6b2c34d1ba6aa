"""Draw the panels of the dashboards from the recording: `PYTHONPATH=. python tests/prometheus/plots.py DIRECTORY`.

For people who want to see them before they start Grafana. Each panel's own expressions are asked of a real Prometheus
that remembers the recording (recording.py); only the drawing is not Grafana's. Needs matplotlib, which is in no lock:
`pip install matplotlib pyyaml pytest` in an environment of its own will do.
"""

from __future__ import annotations

import json
import math
import re
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.dates as dates
import matplotlib.pyplot as plt

from tests.prometheus.debian import query
from tests.prometheus.recording import DASHBOARDS, RATE_INTERVAL, replayed, span

UNITS = {"percentunit": (100.0, "%"), "bytes": (1 / 2**30, "GiB"), "s": (1.0, "s"), "reqps": (1.0, "1/s")}


def draw(board: dict[str, Any], url: str, file: Path) -> None:
    panels = board["panels"]
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    figure = plt.figure(figsize=(12, rows * 0.26), dpi=80)
    grid = figure.add_gridspec(rows, 24, left=0.045, right=0.985, top=0.965, bottom=0.01, hspace=0.0, wspace=0.0)
    figure.suptitle(f"{board['title']}: a recorded afternoon", x=0.045, ha="left", fontsize=13)
    for panel in panels:
        place = panel["gridPos"]
        # Room for the title above and the times below.
        below = 0 if panel["type"] == "stat" else 1
        cell = grid[place["y"] + 1 : place["y"] + place["h"] - below, place["x"] + 1 : place["x"] + place["w"] - 1]
        axes = figure.add_subplot(cell)
        axes.set_title(panel["title"], fontsize=8, loc="left")
        {"stat": stat, "timeseries": lines, "bargauge": bars}[panel["type"]](axes, panel, url)
    figure.savefig(file, facecolor="white", metadata={"Software": None})
    plt.close(figure)


def series(panel: dict[str, Any], url: str) -> list[tuple[str, list[tuple[float, float]]]]:
    """Legend and values of each line, in the panel's unit."""
    start, end = span()
    factor, _ = UNITS.get(panel["fieldConfig"]["defaults"]["unit"], (1.0, ""))
    found = []
    for target in panel["targets"]:
        promql = target["expr"].replace("$__rate_interval", RATE_INTERVAL)
        found += [
            (legend(target, one["metric"]), [(float(at), float(value) * factor) for at, value in one["values"]])
            for one in query(url, promql, "query_range", start=start, end=end, step=15)
        ]
    return found


def legend(target: dict[str, Any], labels: dict[str, str]) -> str:
    name: str = target["legendFormat"]
    for label in re.findall(r"{{(\w+)}}", name):
        name = name.replace("{{" + label + "}}", labels.get(label, ""))
    return name


def lines(axes: Any, panel: dict[str, Any], url: str) -> None:
    custom = panel["fieldConfig"]["defaults"]["custom"]
    style = "steps-post" if custom.get("lineInterpolation") == "stepAfter" else "default"
    found = series(panel, url)
    for name, values in found:
        times = [datetime.fromtimestamp(at, UTC) for at, _ in values]
        axes.plot(times, [value for _, value in values], label=name, drawstyle=style, linewidth=1.1)
    axes.xaxis.set_major_formatter(dates.DateFormatter("%H:%M"))
    axes.tick_params(labelsize=6)
    axes.grid(linewidth=0.3)
    _, unit = UNITS.get(panel["fieldConfig"]["defaults"]["unit"], (1.0, ""))
    axes.set_ylabel(unit, fontsize=6, labelpad=1)
    axes.legend(fontsize=5.5, loc="upper left", ncols=2 if len(found) > 4 else 1, framealpha=0.6)


def stat(axes: Any, panel: dict[str, Any], url: str) -> None:
    factor, unit = UNITS.get(panel["fieldConfig"]["defaults"]["unit"], (1.0, ""))
    (target,) = panel["targets"]
    shown = query(url, target["expr"], time=span()[1])
    values = [f"{float(one['value'][1]) * factor:.4g} {unit}" for one in shown]
    if "{{" in target["legendFormat"]:  # the labels say it: each with its value, unless that is only a 1
        names = [legend(target, one["metric"]) for one in shown]
        values = names if len(names) == 1 else [" ".join(pair) for pair in zip(names, values, strict=True)]
    axes.text(0.0, 0.45, "\n".join(values), va="center", fontsize=12 if len(values) < 2 else 8)
    axes.set_axis_off()


def bars(axes: Any, panel: dict[str, Any], url: str) -> None:
    last = {name: values[-1][1] for name, values in series(panel, url) if math.isfinite(values[-1][1])}
    names = sorted(last, key=last.__getitem__)
    axes.barh(names, [last[name] for name in names], height=0.7, color="#a8c8e6")
    axes.tick_params(labelsize=5.5)
    axes.set_xlim(left=panel["fieldConfig"]["defaults"].get("min", 0))
    # Names inside: slices are long.
    axes.set_yticks([])
    for row, name in enumerate(names):
        axes.text(
            0.01, row, f"{name}  {last[name]:.3g}", transform=axes.get_yaxis_transform(), fontsize=5.5, va="center"
        )


def main(directory: Path) -> None:
    directory.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, replayed(Path(scratch)) as url:
        for file in DASHBOARDS:
            draw(json.loads(file.read_text()), url, directory / f"{file.stem}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
