"""What became of the customers of a version: each measure beside what was expected of it."""

from __future__ import annotations

from collections.abc import Iterator

from ml.performance.live import LivePerformance, Measured, VersionPerformance
from ml.reports.live.features import features_table
from ml.reports.live.measured_words import NOTHING, difference_words, money_words, number_words, share_words
from ml.reports.live.weeks import weeks_plot, weeks_table
from ml.reports.look.plot import Table
from ml.reports.look.section import Section
from ml.reports.look.words import counted

CONTACTS = 1_000


def live_section(live: LivePerformance, of: VersionPerformance) -> Section:
    """Return the section of the version `of`, which is one of `live`."""
    tables = [("", _measures(live, of))]
    if of.weeks:
        tables.append(("By the week in which they were scored", weeks_table(of.weeks, live.target)))
    if of.shapley:
        tables.append(
            (
                "What moved its probabilities, by week, in points (* other than on its evaluation rows)",
                features_table(of),
            )
        )
    plot = weeks_plot(of.weeks, live.target)
    return Section("live", "What became of its customers", [*_says(live, of)], tables, [plot] if plot else [])


def _says(live: LivePerformance, of: VersionPerformance) -> Iterator[str]:
    yield _headline(live, of)
    if of.note:
        yield of.note
    if not of.covers_all:
        yield (
            "Nothing is known of customers outside its lists, since none of them was contacted. A list that explores "
            "contacts a few of them."
        )
    left = {name: one.count for name, one in live.left.items() if one.count}
    if left:
        told = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in left.items())
        verb = "was" if sum(left.values()) == 1 else "were"
        yield f"Of {counted(live.outcomes, 'outcome')} of all versions {sum(left.values()):,} {verb} not used: {told}."
    yield f"Computed on {live.computed:%Y-%m-%d at %H:%M %Z}. Ranges hold the truth in 95 of 100 cases."


def _headline(live: LivePerformance, of: VersionPerformance) -> str:
    if not of.precision.is_known:
        return (
            f"{counted(of.asked, 'customer')} of its lists were to be contacted, and {of.with_outcome:,} of them have "
            f"an outcome. {of.precision.reason}"
        )
    promised = (
        f"; its probabilities promised {share_words(of.expected_precision)}" if of.expected_precision.is_known else ""
    )
    return (
        f"Of {counted(of.precision.estimate.rows, 'customer')} who were on its lists, were contacted and have an "
        f"outcome, {share_words(of.precision)} are {live.target}{promised}."
    )


def _measures(live: LivePerformance, of: VersionPerformance) -> Table:
    shares = (
        (f"{live.target} among those who were listed and contacted", of.precision, of.expected_precision),
        (f"{live.target} among all customers of its files", of.share, of.expected_share),
        (f"{live.target} in its latest traffic, from probabilities alone", of.traffic_share, of.evaluated_share),
    )
    rows = [[name, share_words(found), share_words(expected)] for name, found, expected in shares]
    rows.append(["AUC over all customers", number_words(_better(of.robust_auc, of.auc)), number_words(of.expected_auc)])
    rows.append(["slope of the calibration", number_words(of.calibration_slope), "1"])
    rows.append([f"profit of {CONTACTS:,} contacts", money_words(of.profit, live.currency), NOTHING])
    rows.append([f"{live.target} among those who were left alone", share_words(of.control_share), NOTHING])
    rows.append(["what contacting them added", difference_words(of.uplift), NOTHING])
    return Table(["measure", "with real customers", "expected"], rows)


def _better(first: Measured, second: Measured) -> Measured:
    return first if first.is_known else second
