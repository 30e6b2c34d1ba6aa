"""Two versions side by side: what they are, what they reach, and which settings differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ml.evaluation.metric_table import ORDER, metric_text
from ml.storage.root import Root
from retraining.pages.history.rows import Row

_HASHES = {
    "data_sha256": "Data",
    "schema_sha256": "Schema",
    "settings_sha256": "Settings",
    "code_sha256": "Code",
    "model_sha256": "Model",
}
SHOWN_DIGITS = 12
MISSING = "–"


@dataclass(frozen=True)
class Line:
    """A fact of both; `differs` says whether it is another one, and `change` by how much, where that is a number."""

    name: str
    a: str
    b: str
    differs: bool
    change: str = ""


@dataclass(frozen=True)
class Comparison:
    """Two versions.

    Attributes:
        metrics: Their metrics, each on the evaluation rows of its own run.
        same_rows: Whether both were measured on the same evaluation rows.
        facts: Where they come from.
        settings: The settings that differ.
        no_settings: Why there are none to compare; "" when there are.
    """

    a: Row
    b: Row
    metrics: list[Line]
    same_rows: bool
    facts: list[Line]
    settings: list[Line]
    no_settings: str


def compared(root: Root, a: Row, b: Row) -> Comparison:
    """Return the two versions side by side."""
    first, second = _settings(root, a.number), _settings(root, b.number)
    gone = [str(row.number) for row, found in ((a, first), (b, second)) if found is None]
    settings = [
        Line(name, _shown(first.get(name)), _shown(second.get(name)), differs=True)
        for name in sorted({*(first or {}), *(second or {})})
        if first is not None and second is not None and first.get(name) != second.get(name)
    ]
    same_rows = all(a.facts.get(name) == b.facts.get(name) is not None for name in ("holdout", "data_sha256"))
    told = f"The release record of version {' and '.join(gone)} is not kept any more." if gone else ""
    return Comparison(a, b, list(_metrics(a, b)), same_rows, list(_facts(a, b)), settings, told)


def _metrics(a: Row, b: Row) -> Iterator[Line]:
    of_a, of_b = (row.facts.get("metrics") or {} for row in (a, b))
    for name in ORDER:
        before, after = of_a.get(name), of_b.get(name)
        both = isinstance(before, int | float) and isinstance(after, int | float)
        digits = 0 if name == "ExampleCount" else 4
        yield Line(
            "Evaluation rows" if name == "ExampleCount" else name,
            _metric(name, before),
            _metric(name, after),
            before != after,
            f"{after - before:+.{digits}f}" if both and before is not None and after is not None else "",
        )


def _facts(a: Row, b: Row) -> Iterator[Line]:
    pairs = {
        "Run": (a.run_id, b.run_id),
        "Outcome": tuple(f"{row.outcome}{': ' + row.detail if row.detail else ''}" for row in (a, b)),
        "Started by": (a.who, b.who),
        "Approver": (a.approver, b.approver),
        "Source": (a.source, b.source),
        "Customers": tuple("" if row.rows is None else f"{row.rows:,}" for row in (a, b)),
    }
    for name, key in ((name, key) for key, name in _HASHES.items()):
        pairs[f"{name} (SHA-256)"] = tuple(str(row.facts.get(key) or "")[:SHOWN_DIGITS] for row in (a, b))
    for name, (of_a, of_b) in pairs.items():
        yield Line(name, of_a or MISSING, of_b or MISSING, of_a != of_b)


def _settings(root: Root, number: int | None) -> dict[str, Any] | None:
    """Return the settings that a release record keeps, by dotted name; None when it is gone or damaged."""
    try:
        record = json.loads((root.release(number or 0) / "release.json").read_bytes())
        return dict(_leaves(record["settings"]))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _leaves(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _metric(name: str, value: object) -> str:
    return metric_text(name, value) if isinstance(value, int | float) else MISSING


def _shown(value: object) -> str:
    return MISSING if value is None else json.dumps(value, ensure_ascii=False)
