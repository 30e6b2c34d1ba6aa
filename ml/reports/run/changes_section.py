"""What is new since the champion: settings, schema, code, libraries and data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ml.audit.compare import compare
from ml.audit.subject import subject
from ml.evaluation.list_change import ListChange, list_change
from ml.reports.look.plot import Table
from ml.reports.look.section import Section
from ml.reports.run.material import Material

MOST_FILES = 12


def changes_section(of: Material) -> Section | None:
    """Return the section; None when there was no version before, or the run did not even obtain its data."""
    if of.champion is None or of.subject is None:
        return None
    name = f"version {of.champion.number}"
    if not of.record.artifact("ingest"):
        return None
    answer = compare(subject(of.root, str(of.champion.number)), of.subject)
    rows = [*_rows(answer)]
    says = [f"{'Nothing that is recorded' if not rows else 'This'} differs from what {name} was made of."]
    if answer["settings"] is None:
        says.append(f"The settings of {name} are not recorded.")
    changed = of.record.artifact("evaluate").get("changed_share")
    if isinstance(changed, float):
        says.append(f"{changed:.1%} of the rows are new or changed since it was trained.")
    if (list_of := _list_change(of)) is not None:
        says.append(list_of.sentence(of.baseline or name))
    tables = [("", Table(["what", name, "this run"], rows))] if rows else []
    if answer["schema_difference"]:
        lines = [[line] for line in answer["schema_difference"]]
        tables.append(("The schema, line by line", Table([f"- {name}, + this run"], lines)))
    return Section("changes", f"What changed since {name}", says, tables)


def _list_change(of: Material) -> ListChange | None:
    """Return how the list of the evaluated customers would change; None when nothing was compared."""
    if of.rows is None or not len(of.rows.references):
        return None
    threshold = float(of.settings["target"]["threshold"])
    return list_change(of.rows.rows, of.rows.candidate, of.rows.references[0], threshold=threshold)


def _rows(answer: Mapping[str, Any]) -> Iterator[list[str]]:
    before, now = answer["data"]
    if now["sha256"] and before["sha256"] != now["sha256"]:
        yield ["data", _data(before), _data(now)]
    for key, (ours, theirs) in (answer["settings"] or {}).items():
        yield [key, _shown(ours), _shown(theirs)]
    for name, (ours, theirs) in answer["made_of"].items():
        if name != "model_sha256" and ours != theirs and theirs:
            yield [name.removesuffix("_sha256"), f"sha256 {str(ours)[:12]}", f"sha256 {theirs[:12]}"]
    files = sorted(answer["sources"] or {})
    if files:
        more = f" and {len(files) - MOST_FILES} more" if len(files) > MOST_FILES else ""
        yield ["source files", "", ", ".join(files[:MOST_FILES]) + more]
    for key, (ours, theirs) in (answer["environment"] or {}).items():
        yield [key, _shown(ours), _shown(theirs)]


def _data(of: Mapping[str, Any]) -> str:
    rows = f", {of['rows']:,} rows" if isinstance(of["rows"], int) else ""
    return f"{of['source']}{rows}, sha256 {str(of['sha256'])[:12]}"


def _shown(value: object) -> str:
    return "-" if value is None else str(value)
