"""The data of a run: how many, what is missing, what was found, and how each column is distributed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.data.outcomes.erasure import erased_sentence, erasure_of
from ml.reports.data.columns_section import columns_section, findings_table
from ml.reports.data.drawn_rows import DrawnRows
from ml.reports.look.section import Section
from ml.reports.run.material import Material


def data_section(of: Material) -> Section | None:
    """Return the section; None when the run obtained no data."""
    if of.csv is None:
        return _without_data(of)
    other = of.champion_csv
    champion = f"version {of.champion.number}" if of.champion else ""
    now, before = DrawnRows.of(of.csv), DrawnRows.of(other) if other else None
    label = str(of.settings.get("target", {}).get("column", "Segmentation"))
    compared = f"the data of {champion}" if before else ""
    says = _says(of, now, before, champion)
    return columns_section(
        now.columns, before.columns if before else None, label=label, names=("this run", champion),
        drift=of.validation.get("drift") or {}, thresholds=of.drift_thresholds,
        findings=of.validation.get("findings") or [], says=says, compared=compared,
    )  # fmt: skip


def _without_data(of: Material) -> Section | None:
    findings = of.validation.get("findings") or []
    return Section("data", "Data", tables=[("Findings", findings_table(findings))]) if findings else None


def _outcomes(joined: Mapping[str, Any] | None) -> list[str]:
    if not joined:
        return []
    said = (
        f"Outcomes of {joined['rows']:,} customers joined the training side, from {joined['first']} to "
        f"{joined['last']}; they are not drawn here, and no candidate is compared on them."
    )
    return [said, *([f"Warning: {joined['warning']}"] if joined["warning"] else [])]


def _says(of: Material, now: DrawnRows, before: DrawnRows | None, champion: str) -> list[str]:
    obtained = of.record.artifact("ingest")
    rows = f"{now.rows(obtained.get('rows'))} rows"
    if before is not None and of.champion is not None:
        rows += f", those of {champion} were {before.rows(of.champion.intent.get('rows'))}"
    says = [f"{obtained.get('source', 'The data')}: {rows}.", *_outcomes(obtained.get("outcomes"))]
    if now.thinned:
        says.append(f"{now.thinned}.")
    if before is not None and before.thinned:
        says.append(f"Of those of {champion}: {before.thinned[0].lower()}{before.thinned[1:]}.")
    examined = bool(of.validation)
    if examined and not of.validation.get("findings"):
        says.append("Validation found nothing to warn of.")
    if examined and not of.validation.get("drift"):
        says.append("Drift was not measured: there was no champion of the same source to compare with.")
    if champion and before is None:
        day = erasure_of(of.root, str(of.champion.intent.get("data_sha256", ""))) if of.champion else None
        why = f": {erased_sentence(day)}" if day else ""
        says.append(f"The data of {champion} are not kept, so nothing is drawn beside these{why}.")
    return says
