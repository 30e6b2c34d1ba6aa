"""The section of a page about the columns of a data set: findings, what is missing, drift, and a drawing for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ml.data.csv_reader import ArrowColumns
from ml.data.features import FEATURES
from ml.reports.data.distributions import Distribution, distribution, distribution_plot, missing_share
from ml.reports.look.plot import Table
from ml.reports.look.section import Section


def columns_section(
    now: ArrowColumns,
    before: ArrowColumns | None,
    *,
    label: str,
    names: tuple[str, str],
    drift: Mapping[str, float],
    thresholds: Mapping[str, float],
    findings: list[Mapping[str, Any]],
    says: list[str],
    compared: str,
) -> Section:
    """Return a section about the columns of a data set, and of another one beside them.

    Args:
        now: The data.
        before: The other ones, if there are any.
        label: The column with the label, which is shown besides the features.
        names: What tables call the two.
        drift: The distance of each feature that was compared.
        thresholds: From which distance on it counts as drifted.
        findings: As validation.json has them.
        says: The paragraphs of the section.
        compared: What the others are; "" without them.
    """
    columns = [name for name in (*FEATURES, label) if name in now]
    found = [distribution(name, now, before) for name in columns]
    if compared:
        says = [*says, f"In the drawings blue is the data of {names[0]}, grey {compared}."]
    tables = []
    if findings:
        tables.append(("Findings", findings_table(findings)))
    tables.append(("Columns", _columns_table(found, drift, thresholds, names)))
    plots = [
        distribution_plot(one, now=names[0], before=names[1], drift=_drift(one.column, drift, thresholds))
        for one in found
        if len(one.labels)
    ]
    return Section("data", "Data", says, tables, plots, small=True)


def findings_table(findings: list[Mapping[str, Any]]) -> Table:
    """Return the findings of validation as a table, those that block first."""
    return Table(
        ["column", "finding", "rows", "share", "effect"],
        [
            [
                str(one["feature"] or "all"),
                str(one["what"]) + (f", e.g. {', '.join(one['examples'])}" if one["examples"] else ""),
                f"{one['rows']:,}" if one["rows"] else "-",
                f"{one['share']:.2%}" if one["rows"] else "-",
                "blocks" if one["blocks"] else "warns",
            ]
            for one in sorted(findings, key=lambda one: not one["blocks"])
        ],
    )


def _columns_table(
    found: list[Distribution], drift: Mapping[str, float], thresholds: Mapping[str, float], names: tuple[str, str]
) -> Table:
    compared = any(one.before is not None for one in found)
    head = ["column", f"missing, {names[0]}", *([f"missing, {names[1]}"] if compared else [])]
    head += ["drift distance", "threshold", "drifted"] if drift else []
    return Table(head, [list(_column_cells(one, drift, thresholds, compared=compared)) for one in found])


def _column_cells(
    of: Distribution, drift: Mapping[str, float], thresholds: Mapping[str, float], *, compared: bool
) -> Iterator[str]:
    now, before = missing_share(of)
    yield of.column
    yield f"{now:.2%}"
    if compared:
        yield "-" if before is None else f"{before:.2%}"
    if drift:
        distance, threshold = drift.get(of.column), thresholds.get(of.column)
        yield "-" if distance is None else f"{distance:.4f}"
        yield "-" if threshold is None else f"{threshold:g}"
        yield "-" if distance is None or threshold is None else "yes" if distance > threshold else "no"


def _drift(column: str, drift: Mapping[str, float], thresholds: Mapping[str, float]) -> str:
    distance, threshold = drift.get(column), thresholds.get(column)
    if distance is None or threshold is None:
        return ""
    word = "Drifted: distance" if distance > threshold else "Drift distance"
    return f"{word} {distance:.4f}, threshold {threshold:g}."
