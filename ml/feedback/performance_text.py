"""How versions do with real customers, for a terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from ml.errors import printable
from ml.performance.estimate import Estimate
from ml.performance.fallen import FEWEST
from ml.performance.live import LivePerformance, Measured, VersionPerformance, WeekPerformance

_WEEKS = 12
_SHAPLEY_WEEKS = 4
Format = Callable[[float], str]
Row = tuple[str, str, str, str]


def performance_text(performance: LivePerformance) -> str:
    """Return what `performance.json` holds, as lines."""
    return "\n".join(map(printable, _lines(performance)))


def _lines(performance: LivePerformance) -> Iterator[str]:
    at = performance.computed.isoformat(timespec="minutes")
    yield f"Versions and their customers at {at}; a target customer is {performance.target}."
    if performance.newest_outcome is None:
        yield "No outcomes have come (docs/outcomes.md)."
    else:
        newest = performance.newest_outcome.isoformat(timespec="minutes")
        yield f"{performance.outcomes:,} outcomes have come, the last one at {newest}."
    for version in performance.versions:
        yield ""
        yield from _of_version(version, performance.currency)
    used_not = {name: left for name, left in performance.left.items() if left.count}
    if used_not:
        yield ""
        yield "Outcomes that were not used (docs/outcomes.md says why):"
    for name, left in used_not.items():
        more = ", ..." if left.count > len(left.places) else ""
        yield f"  {name:<17}{left.count:>7,}  {', '.join(left.places)}{more}"
    if performance.unreadable_lines or performance.unreadable_files:
        yield ""
        yield f"Unreadable: {performance.unreadable_lines:,} lines, {performance.unreadable_files:,} files."


def _of_version(version: VersionPerformance, currency: str) -> Iterator[str]:
    serves = " (champion)" if version.is_champion else ""
    yield (
        f"Version {version.version}{serves}: {version.scored:,} customers scored for lists, {version.asked:,} to be "
        f"asked, {version.with_outcome:,} of them with an outcome."
    )
    if version.note:
        yield f"  {version.note}"
    measures: list[tuple[str, Measured, Measured | None, Format]] = [
        ("targets on lists", version.precision, version.expected_precision, _percent),
        ("targets among all", version.share, version.expected_share, _percent),
        ("AUC", version.auc, version.expected_auc, _decimals),
        ("AUC, doubly robust", version.robust_auc, version.expected_auc, _decimals),
        ("outcome - expected", version.calibration_error, None, _percent),
        ("calibration slope", version.calibration_slope, None, _decimals),
        ("profit per 1,000", version.profit, None, lambda value: f"{value:,.0f} {currency}".rstrip()),
        ("targets in traffic", version.traffic_share, version.evaluated_share, _percent),
        ("targets, left alone", version.control_share, None, _percent),
        ("uplift", version.uplift, None, _percent),
    ]
    rows: list[Row] = [("", "realised", "expected", "customers")]
    reasons: dict[str, list[str]] = defaultdict(list)
    for name, found, expected, form in measures:
        if found.is_known:
            beside = _interval(expected.estimate, form) if expected is not None and expected.is_known else ""
            rows.append((name, _interval(found.estimate, form), beside, f"{found.estimate.rows:,}"))
        else:
            reasons[found.reason].append(name)
    yield from _table(rows if len(rows) > 1 else [])
    for reason, names in reasons.items():
        yield f"  {', '.join(names)}: {reason}"
    if version.weeks:
        shown = version.weeks[-_WEEKS:]
        yield from _table([("week", "realised", "expected", "outcomes"), *map(_week, shown)])
    if version.shapley:
        yield from _shapley(version)
    if version.undated:
        yield f"  {version.undated:,} outcomes are of lists that came back without a date; no week has them."
    if version.fall:
        yield f"  FALLEN: {version.fall}"
    elif version.is_judged:
        yield "  Nothing has fallen significantly."
    else:
        takes = f"outcomes of {FEWEST} customers whose lists have settled (feedback.settled_days), and a release record"
        yield f"  Whether it has fallen is not known: it takes {takes}."


def _shapley(version: VersionPerformance) -> Iterator[str]:
    """Yield the mean |Shapley value| of each feature in the evaluation and in the last weeks, the largest first."""
    reference, weeks = version.reference_shapley, version.shapley[-_SHAPLEY_WEEKS:]
    columns = [*([reference] if reference else []), *weeks]
    names = sorted(weeks[-1].mean, key=lambda name: -columns[0].mean[name].value if name in columns[0].mean else 0.0)
    head = ["mean |Shapley|", *(f"{column.week or 'evaluation'} ({column.rows})" for column in columns)]
    rows = [[name, *(_shapley_value(column.mean.get(name)) for column in columns)] for name in names]
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    for row in (head, *rows):
        yield ("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()


def _shapley_value(found: Estimate | None) -> str:
    return "-" if found is None else f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def _week(week: WeekPerformance) -> Row:
    auc = f", AUC {week.auc.estimate.value:.3f}" if week.auc.is_known else ""
    realised = _interval(week.realised.estimate, _percent) + auc if week.realised.is_known else "-"
    expected = _interval(week.expected.estimate, _percent) if week.expected.is_known else "-"
    return week.week, realised, expected, f"{week.with_outcome:,} of {week.asked:,}"


def _interval(found: Estimate, form: Format) -> str:
    if found.low != found.low:
        return form(found.value)
    return f"{form(found.value)} ({form(found.low)} to {form(found.high)})"


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _decimals(value: float) -> str:
    return f"{value:.3f}"


def _table(rows: Sequence[Row]) -> Iterator[str]:
    widths = [max((len(row[place]) for row in rows), default=0) for place in range(4)]
    for name, realised, expected, count in rows:
        line = f"  {name:<{widths[0]}}  {realised:<{widths[1]}}  {expected:<{widths[2]}}  {count:>{widths[3]}}"
        yield line.rstrip()
