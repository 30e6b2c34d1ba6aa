"""The data of a run: how many, what is missing, what was found, and how each column is distributed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ml.data.csv_reader import ArrowColumns, PutRight, count_rows, read_columns
from ml.data.features import FEATURES
from ml.reports.look.plot import Table
from ml.reports.look.section import Section
from ml.reports.run.distributions import Distribution, distribution, distribution_plot, missing_share
from ml.reports.run.material import Material


def data_section(of: Material) -> Section | None:
    """Return the section; None when the run obtained no data."""
    if of.csv is None:
        return _without_data(of)
    other = of.champion_csv
    champion = f"version {of.champion.number}" if of.champion else ""
    now, before = _columns(of), read_columns(other, PutRight()) if other else None
    label = str(of.settings.get("target", {}).get("column", "Segmentation"))
    compared = f"the data of {champion}" if before else ""
    says = _says(of, now, before, champion)
    return columns_section(
        now, before, label=label, names=("this run", champion), drift=of.validation.get("drift") or {},
        thresholds=of.drift_thresholds, findings=of.validation.get("findings") or [], says=says, compared=compared,
    )  # fmt: skip


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
        tables.append(("Findings", _findings(findings)))
    tables.append(("Columns", _columns_table(found, drift, thresholds, names)))
    plots = [
        distribution_plot(one, now=names[0], before=names[1], drift=_drift(one.column, drift, thresholds))
        for one in found
        if len(one.labels)
    ]
    return Section("data", "Data", says, tables, plots, small=True)


def _without_data(of: Material) -> Section | None:
    findings = of.validation.get("findings") or []
    return Section("data", "Data", tables=[("Findings", _findings(findings))]) if findings else None


def _columns(of: Material) -> ArrowColumns:
    if of.csv is None:
        raise ValueError("the run has no data")
    return read_columns(of.csv, PutRight())


def _says(of: Material, now: ArrowColumns, before: ArrowColumns | None, champion: str) -> list[str]:
    rows = f"{count_rows(now):,} rows"
    if before is not None:
        rows += f", those of {champion} were {count_rows(before):,}"
    obtained = of.record.artifact("ingest")
    says = [f"{obtained.get('source', 'The data')}: {rows}."]
    examined = bool(of.validation)
    if examined and not of.validation.get("findings"):
        says.append("Validation found nothing to warn of.")
    if examined and not of.validation.get("drift"):
        says.append("Drift was not measured: there was no champion of the same source to compare with.")
    if champion and before is None:
        says.append(f"The data of {champion} are not kept, so nothing is drawn beside these.")
    return says


def _findings(findings: list[Mapping[str, Any]]) -> Table:
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
