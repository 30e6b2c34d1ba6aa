"""The metric of every candidate over time, as the shapes of an SVG: places only, the page's style has the colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from retraining.pages.history.rows import ROLLED_BACK, Row

WIDTH, HEIGHT = 720, 250
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 14, 34
MOST = 120
"""The newest candidates that are drawn: more would be one grey band."""
_LEAST_LABEL_GAP = 18.0


@dataclass(frozen=True)
class Point:
    """A candidate: its centre, the ends of its interval, and its text alternative. `kind` is a class of the style.

    One whose value lies `beyond` the drawing stands at its lower edge.
    """

    x: float
    y: float
    high: float
    low: float
    kind: str
    label: str
    says: str
    beyond: bool = False


@dataclass(frozen=True)
class Tick:
    """A mark of an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Plot:
    """The drawing, and in one sentence what it shows."""

    points: Sequence[Point]
    across: Sequence[Tick]
    up: Sequence[Tick]
    left_out: int
    says: str


def plot_of(rows: Sequence[Row], champion: int | None) -> Plot | None:
    """Return the AUC of the newest candidates, the oldest first; None without any."""
    measured = [row for row in rows if row.auc is not None and row.outcome != ROLLED_BACK]
    shown = sorted(measured[:MOST], key=lambda row: row.when)
    if not shown:
        return None
    up = _round_values(*_range(shown))
    bottom, top = up[0], up[-1]
    digits = max(len(f"{value:g}".partition(".")[2]) for value in up)  # 0.90 beside 0.92, not 0.9
    first, last = shown[0].when.timestamp(), shown[-1].when.timestamp()
    span = last - first

    def across(moment: float) -> float:
        share = (moment - first) / span if span else 0.5
        return round(LEFT + 12 + share * (WIDTH - LEFT - RIGHT - 24), 1)

    def height(value: float) -> float:
        return round(TOP + (top - value) / (top - bottom) * (HEIGHT - TOP - BOTTOM), 1)

    points: list[Point] = []
    labelled_to = -math.inf
    for row in shown:
        assert row.auc is not None  # noqa: S101 - chosen by it above
        x = across(row.when.timestamp())
        serves = row.number is not None and row.number == champion
        kind = "serves" if serves else "promoted" if row.number is not None else "candidate"
        is_free = row.number is not None and (serves or x - labelled_to >= _LEAST_LABEL_GAP)
        labelled_to = x if is_free else labelled_to
        low, high = row.auc.low, row.auc.high
        beyond = row.auc.value < bottom
        name = f"version {row.number}" if row.number is not None else f"run {row.run_id}"
        around = "" if low is None or high is None else f" ({low:.4f} to {high:.4f})"
        points.append(
            Point(
                x,
                HEIGHT - BOTTOM - 6.0 if beyond else height(row.auc.value),
                height(row.auc.value if high is None else high),
                height(row.auc.value if low is None else low),
                kind,
                str(row.number) if is_free else "",
                f"{name}, {row.when.astimezone(UTC):%Y-%m-%d}, {row.outcome}: AUC {row.auc.value:.4f}{around}",
                beyond,
            )
        )
    promoted = sum(point.kind != "candidate" for point in points)
    said = (
        f"AUC of the {len(points)} newest candidates, {promoted} of them versions (numbered); bars are 95 % intervals. "
        "The numbers are in the table below."
    )
    return Plot(
        points,
        _days(first, last, across),
        [Tick(height(value), f"{value:.{digits}f}") for value in up],
        len(measured) - len(shown),
        said,
    )


def _range(rows: Sequence[Row]) -> tuple[float, float]:
    """Return the ends of the axis: the intervals of all versions, and of the candidates what is not far below them.

    A candidate that failed completely would press everything else into one line.
    """
    measured = [(row.number is not None, row.auc) for row in rows if row.auc is not None]
    decisive = [found for is_version, found in measured if is_version] or [found for _, found in measured]
    low = min(found.value if found.low is None else found.low for found in decisive)
    high = max(found.value if found.high is None else found.high for found in decisive)
    far = low - 2 * max(high - low, 0.01)
    near = [found.value for _, found in measured if found.value >= far]
    return min(low, *near), max(high, *near)


def _days(first: float, last: float, across: object) -> list[Tick]:
    """Return the marks of the time axis, each label once: days, or minutes when everything happened within one."""
    assert callable(across)  # noqa: S101
    marks = [first] if first == last else [first + share * (last - first) for share in (0, 1 / 3, 2 / 3, 1)]
    pattern = "%H:%M" if last - first < 86_400 else "%Y-%m-%d"
    labels = {datetime.fromtimestamp(moment, UTC).strftime(pattern): moment for moment in reversed(marks)}
    return [Tick(across(moment), label) for label, moment in sorted(labels.items(), key=lambda one: one[1])]


def _round_values(low: float, high: float) -> list[float]:
    """Return from three to seven round values that include both ends."""
    rough = max(high - low, 0.004) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    begin, end = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    end = max(end, begin + 1)
    return [round(place * step, 10) for place in range(begin, end + 1)]
