"""Faults of the data: what a source delivers one Monday, and what validation makes of it."""

from __future__ import annotations

from collections.abc import Callable

from ml.artifacts import Dataset
from ml.pipeline.outcome import BLOCKED
from ml.rehearsal.fact import Fact
from ml.rehearsal.faults.fault import Fault
from ml.rehearsal.preparation import VERSION_1
from ml.rehearsal.rows import Edit, Row, edited, put
from ml.rehearsal.site import Site, ended
from ml.rehearsal.worlds import Worlds
from ml.storage.files import json_object

CHECKED = ("ingest", "validate")


def without_spending_score(_: int, row: Row) -> None:
    """Take the column away."""
    del row["Spending_Score"]


def age_in_months(_: int, row: Row) -> None:
    """Multiply by twelve."""
    if row["Age"]:
        row["Age"] = f"{12 * float(row['Age']):g}"


def forty_percent_without_label(number: int, row: Row) -> None:
    """Take the label of two customers of five."""
    if number % 5 < 2:
        row["Segmentation"] = ""


def profession_tells_the_segment(_: int, row: Row) -> None:
    """Put the label into a feature, in words that the schema knows."""
    told = dict(zip("ABCD", ("Artist", "Doctor", "Engineer", "Executive"), strict=True))
    row["Profession"] = told.get(row["Segmentation"], row["Profession"])


def blocked(name: str, edit: Edit, kind: str, feature: str) -> Callable[[Worlds], list[Fact]]:
    """Return what injects an edit, and looks whether validate stops it for this kind of finding in this column."""

    def inject(worlds: Worlds) -> list[Fact]:
        site = worlds.first(name)
        return [_stopped(_delivered(site, edit), "monday", kind, feature), site.champion(1)]

    return inject


def drift(worlds: Worlds) -> list[Fact]:
    """Deliver customers a fifth of whom are others, and look whether that is seen; then let the settings block it."""
    site = _delivered(worlds.first("drift"), put(5, Gender="Female", Age="40"))
    record = site.steps("monday", steps=CHECKED)
    named = {
        str(finding["feature"]): str(finding["sentence"])
        for finding in _findings(site, "monday")
        if str(finding["kind"]).startswith("COMPARATOR_") and not finding["blocks"]
    }
    warned = record.outcome is None and {"Gender", "Age"} <= named.keys()
    seen = Fact(f"a warning: {named.get('Gender') or named or record.reasons}", warned)
    stopped = _stopped(site, "strict", "COMPARATOR_L_INFTY_HIGH", "Gender", "validate.drift_blocks=true")
    return [seen, Fact(f"with drift_blocks {stopped.text}", stopped.ok), site.champion(1)]


def _delivered(site: Site, edit: Edit) -> Site:
    """Return the site with an edited copy of the data on which version 1 was trained."""
    trained_on = site.run(VERSION_1).artifact("ingest", Dataset).csv
    return Site(site.root, edited(trained_on, site.root.path / "delivered.csv", edit), site.url)


def _stopped(site: Site, run_id: str, kind: str, feature: str, *overrides: str) -> Fact:
    record = site.steps(run_id, *overrides, steps=CHECKED)
    told = next(
        (
            str(finding["sentence"])
            for finding in _findings(site, run_id)
            if (finding["kind"], finding["feature"], finding["blocks"]) == (kind, feature, True)
        ),
        "",
    )
    if not told:
        return Fact(f"validate did not block it as {kind} of {feature}: {record.reasons or 'accepted'}", False)
    return ended(record, BLOCKED, told)


def _findings(site: Site, run_id: str) -> list[dict[str, object]]:
    """Return the findings of validate: those of data that it accepted, else those for which it stopped."""
    directory = site.root.run(run_id)
    accepted = json_object(directory / "validate" / "validation.json")
    return list((accepted or json_object(directory / "validation.json")).get("findings", []))


DATA_FAULTS = (
    Fault(
        "new category",
        "blocked by validate, which names column and value; version 1 stays",
        blocked(
            "new category",
            put(20, Profession="Influencer"),
            "ENUM_TYPE_UNEXPECTED_STRING_VALUES",
            "Profession",
        ),
    ),
    Fault(
        "missing column",
        "blocked by validate, which names it; version 1 stays",
        blocked("missing column", without_spending_score, "SCHEMA_MISSING_COLUMN", "Spending_Score"),
    ),
    Fault(
        "age in months",
        "blocked by validate as out of range; version 1 stays",
        blocked("age in months", age_in_months, "FLOAT_TYPE_BIG_FLOAT", "Age"),
    ),
    Fault(
        "40 % missing labels",
        "blocked by validate, which counts them; version 1 stays",
        blocked(
            "40 % missing labels",
            forty_percent_without_label,
            "FEATURE_TYPE_LOW_FRACTION_PRESENT",
            "Segmentation",
        ),
    ),
    Fault(
        "label in a feature",
        "blocked by validate as a leak; version 1 stays",
        blocked("label in a feature", profession_tells_the_segment, "label_leak", "Profession"),
    ),
    Fault("drift", "a warning that names the columns; with validate.drift_blocks it blocks", drift),
)
