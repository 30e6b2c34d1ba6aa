"""Mean absolute Shapley values by week, beside those of the evaluation rows."""

from __future__ import annotations

from ml.performance.estimate import Estimate
from ml.performance.live import VersionPerformance
from ml.reports.look.plot import Table

MOST_WEEKS = 4


def features_table(of: VersionPerformance) -> Table:
    """Return the features, the strongest of the last week first, in points of probability.

    A value of a week is marked when its interval and that of its evaluation rows have nothing in common.
    """
    weeks = of.shapley[-MOST_WEEKS:]
    reference = of.reference_shapley
    last = weeks[-1].mean
    head = ["feature", *(["on its evaluation rows"] if reference else []), *(one.week for one in weeks)]
    rows = []
    for name in sorted(last, key=lambda each: -last[each].value):
        expected = reference.mean.get(name) if reference else None
        cells = [_told(week.mean[name], expected) if name in week.mean else "–" for week in weeks]
        rows.append(
            [name.replace("_", " "), *([_told(expected, None) if expected else "–"] if reference else []), *cells]
        )
    return Table(head, rows)


def _told(one: Estimate, expected: Estimate | None) -> str:
    is_apart = expected is not None and (one.low > expected.high or one.high < expected.low)
    interval = f" ({100 * one.low:.1f} to {100 * one.high:.1f})" if one.low == one.low else ""
    return f"{100 * one.value:.1f}{interval}{' *' if is_apart else ''}"
