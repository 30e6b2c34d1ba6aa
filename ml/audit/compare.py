"""Two versions or candidates beside each other: what they were made of, and how they score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ml.audit.damage import damages
from ml.audit.explain import data_of, data_text
from ml.audit.subject import MOST_NAMED, Subject
from ml.config.tree_differences import differences, leaves
from ml.data.schema_text import unified_diff
from ml.errors import printable
from ml.evaluation.metric_table import ORDER, metric_text

MADE_OF = ("schema_sha256", "code_sha256", "model_sha256")
SHOWN = ("BinaryAccuracy", "AUC")
"""The metrics that a terminal shows; `--json` has all."""
SPLIT = ("transform", "target")
"""The settings that decide, with the data, which rows are evaluated, and what is asked of them."""


def compare(one: Subject, other: Subject) -> dict[str, Any]:
    """Return how two subjects differ: settings, data, code, environment, metrics and slices.

    Metrics are those of the subjects' own evaluations. `same_rows` says whether these were on the same rows; None when
    that is not recorded. `differences` are paired, on the rows that both were scored on and neither was fitted on;
    empty when these are not recorded of both.
    """
    both = (one, other)
    settings, records = [subject.settings for subject in both], [subject.record for subject in both]
    entries = [subject.entry for subject in both]
    return {
        "of": [subject.title for subject in both],
        "damage": [[*damages(subject)] for subject in both],
        "settings": differences(*settings) if all(settings) else None,
        "data": [data_of(subject) for subject in both],
        "made_of": {name: [entry.get(name) for entry in entries] for name in MADE_OF},
        "schema_difference": _schema_difference(both),
        "sources": _of_records(records, "sources"),
        "environment": _environment(entries, records),
        "same_rows": _same_rows(both),
        "differences": _paired(both),
        "metrics": _metrics([_overall(subject) for subject in both]),
        "slices": _slices([subject.evaluation for subject in both]),
    }


def compare_text(answer: Mapping[str, Any]) -> str:
    """Return the answer of `compare` as text for a terminal."""
    return "\n".join(map(printable, _lines(answer)))


def _lines(answer: Mapping[str, Any]) -> Iterator[str]:
    one, other = answer["of"]
    yield f"{one} and {other}"
    for name, found in zip(answer["of"], answer["damage"], strict=True):
        yield from (f"  DAMAGED        {name}: {damage}" for damage in found)
    data = answer["data"]
    if data[0]["sha256"] is not None and data[0]["sha256"] == data[1]["sha256"]:
        yield f"  data           the same: {data_text(data[0])}"
    else:
        yield from (f"  data           {name}: {data_text(of)}" for name, of in zip(answer["of"], data, strict=True))
    for name, (ours, theirs) in answer["made_of"].items():
        yield f"  {name.removesuffix('_sha256'):<14} {_hashes(ours, theirs, answer['of'])}"
        if name == "schema_sha256":
            yield from (f"  {'':<14} {line}" for line in answer["schema_difference"][:MOST_NAMED])
    yield from _differences("settings", answer["settings"])
    yield from _differences("environment", answer["environment"])
    if answer["sources"] is not None:
        yield from _names("source files", list(answer["sources"]))
    yield f"  rows           {_rows_text(answer['same_rows'])}"
    for metric, of in answer["differences"].items():
        interval = f"{of['value']:+.4f}, 95 % interval {of['lower']:+.4f} to {of['upper']:+.4f}"
        yield f"  {metric:<14} {other} less {one}: {interval} (n={of['rows']:.0f}, {of['clusters']:.0f} profiles)"
    yield from _table({"all": answer["metrics"], **answer["slices"]})


def _table(slices: Mapping[str, Mapping[str, list[float | None]]]) -> Iterator[str]:
    rows = [
        [name, *(_pair(metric, metrics[metric]) for metric in SHOWN)]
        for name, metrics in slices.items()
        if all(metric in metrics for metric in SHOWN)
    ]
    if rows:
        rows.insert(0, ["slice", *SHOWN])
    widths = [max(len(row[place]) for row in rows) for place in range(len(SHOWN) + 1)] if rows else []
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _differences(what: str, found: Mapping[str, Any] | None) -> Iterator[str]:
    if found is None:
        yield f"  {what:<14} not recorded of one of them"
    elif not found:
        yield f"  {what:<14} the same"
    for key, (ours, theirs) in (found or {}).items():
        yield f"  {what:<14} {key}: {ours} / {theirs}"


def _names(what: str, names: list[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        yield f"  {what:<14} differ: {', '.join(names[:MOST_NAMED])}{more}"


def _schema_difference(both: tuple[Subject, Subject]) -> list[str]:
    """Return the lines that differ between the recorded schemas, with - and +; none where one is not recorded."""
    texts = [str(subject.record.get("schema") or "") for subject in both]
    if not all(texts):
        return []
    lines = unified_diff(*texts, old_name="", new_name="").split("\n")
    return [line for line in lines[2:] if line.startswith(("-", "+"))]


def _hashes(ours: str | None, theirs: str | None, names: list[str]) -> str:
    if ours is None or theirs is None:
        lacking = (name for name, of in zip(names, (ours, theirs), strict=True) if of is None)
        return f"not recorded of {' and '.join(lacking)}"
    return f"the same, {ours[:12]}" if ours == theirs else f"{ours[:12]} / {theirs[:12]}"


def _rows_text(same: bool | None) -> str:
    if same is None:
        return "not recorded whether both were evaluated on the same rows"
    return (
        "both were evaluated on the same rows"
        if same
        else "evaluated on different rows: the metrics are not comparable"
    )


def _pair(metric: str, both: list[float | None]) -> str:
    return " / ".join("-" if value is None else metric_text(metric, value) for value in both)


def _environment(entries: list[Mapping[str, Any]], records: list[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return how Python, the libraries and the machine differ; equal hashes of the code vouch for the first two."""
    recorded = _of_records(records, "environment")
    codes = [entry.get("code_sha256") for entry in entries]
    return {} if recorded is None and codes[0] is not None and codes[0] == codes[1] else recorded


def _of_records(records: list[Mapping[str, Any]], name: str) -> dict[str, Any] | None:
    """Return how a part of two release records differs; None when one of them lacks it."""
    found = [record.get(name) for record in records]
    return differences(*found) if found[0] and found[1] else None  # type: ignore[arg-type]


def _same_rows(both: tuple[Subject, Subject]) -> bool | None:
    hashes = [subject.entry.get("data_sha256") for subject in both]
    if None in hashes or any(name not in subject.settings for subject in both for name in SPLIT):
        return None
    return hashes[0] == hashes[1] and _same_split(both)


def _same_split(both: tuple[Subject, Subject]) -> bool:
    """Return whether a row that is held out from one is never in the training side of the other, and asks the same."""
    if any(name not in subject.settings for subject in both for name in SPLIT):
        return False
    splits = [leaves({name: subject.settings[name] for name in SPLIT}) for subject in both]
    return splits[0] == splits[1]


def _paired(both: tuple[Subject, Subject]) -> dict[str, dict[str, float]]:
    files = [subject.scored_rows for subject in both]
    if files[0] is None or files[1] is None or not _same_split(both):
        return {}
    from ml.audit.common_rows import paired_differences

    return paired_differences(files[0], files[1], threshold=float(both[0].settings["target"]["threshold"]))


def _overall(subject: Subject) -> Mapping[str, Any]:
    return dict(subject.entry.get("metrics") or _by_slice(subject.evaluation).get("all") or {})


def _metrics(both: list[Mapping[str, Any]]) -> dict[str, list[float | None]]:
    names = [name for name in ORDER if any(name in metrics for metrics in both)]
    return {name: [metrics.get(name) for metrics in both] for name in names}


def _slices(both: list[Mapping[str, Any]]) -> dict[str, dict[str, list[float | None]]]:
    """Return the metrics of every slice that both evaluations have."""
    one, other = (_by_slice(evaluation) for evaluation in both)
    return {name: _metrics([one[name], other[name]]) for name in one if name != "all" and name in other}


def _by_slice(evaluation: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {
        ",".join(f"{feature}={value}" for feature, value in part["slice"].items()) or "all": part.get("candidate", {})
        for part in evaluation.get("slices", [])
    }
