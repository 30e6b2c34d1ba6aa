"""Expected beside realised by week, as a table and as a plot."""

from __future__ import annotations

from collections.abc import Sequence

from ml.performance.live import WeekPerformance
from ml.reports.live.measured_words import share_words
from ml.reports.look.palette import CANDIDATE, CHAMPION
from ml.reports.look.plot import Plot, Table, drawing, svg_of

INCHES = 5.6, 2.8
MOST_WEEKS = 26
"""Half a year; what is older stands in performance.json."""
FEWEST_DRAWN = 2


def weeks_table(weeks: Sequence[WeekPerformance], target: str) -> Table:
    """Return the last `MOST_WEEKS`, the newest first."""
    head = ["week", "contacted", "with an outcome", f"{target} among them", "expected"]
    rows = [
        [one.week, f"{one.asked:,}", f"{one.with_outcome:,}", share_words(one.realised), share_words(one.expected)]
        for one in reversed(weeks[-MOST_WEEKS:])
    ]
    return Table(head, rows)


def weeks_plot(weeks: Sequence[WeekPerformance], target: str) -> Plot | None:
    """Return the plot of the weeks in which both shares are known; None when they are fewer than `FEWEST_DRAWN`."""
    drawn = [one for one in weeks[-MOST_WEEKS:] if one.realised.is_known and one.expected.is_known]
    if len(drawn) < FEWEST_DRAWN:
        return None
    places = range(len(drawn))
    realised, expected = ([getattr(one, name).estimate for one in drawn] for name in ("realised", "expected"))
    outside = sum(not one.low <= other.value <= one.high for one, other in zip(realised, expected, strict=True))
    with drawing(inches=INCHES) as (figure, axes):
        axes.fill_between(
            places,
            [100 * one.low for one in expected],
            [100 * one.high for one in expected],
            color=CHAMPION,
            alpha=0.25,
            linewidth=0,
        )
        axes.plot(places, [100 * one.value for one in expected], color=CHAMPION, label="expected")
        below, above = (
            [100 * (one.value - one.low) for one in realised],
            [100 * (one.high - one.value) for one in realised],
        )
        axes.errorbar(
            places,
            [100 * one.value for one in realised],
            yerr=[below, above],
            color=CANDIDATE,
            fmt="o",
            markersize=5,
            label="realised",
        )
        step = max(1, len(drawn) // 8)
        axes.set_xticks([*places][::step], [one.week for one in drawn][::step])
        axes.set_ylabel(f"{target} (%)")
        axes.grid(axis="y")
        axes.legend(frameon=False)
        svg = svg_of(figure, "live-weeks")
    says = (
        f"In {outside} of {len(drawn)} weeks the expected share lies outside the interval of the realised one; "
        "by chance alone it would in one of twenty."
    )
    rows = [[one.week, share_words(one.realised), share_words(one.expected)] for one in drawn]
    return Plot("live-weeks", f"{target} among those contacted, by week", says, svg,
                Table(["week", "realised", "expected"], rows))  # fmt: skip
