"""Which customers with an outcome join a training set: one row for each whose features the schema allows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ml.data.csv_reader import MAX_VALUE_BYTES
from ml.data.features import FEATURES, NUMERIC
from ml.data.outcomes.outcome_rows import OutcomeRow
from ml.data.schema import Schema
from ml.feedback.labelled_rows import LabelledRow, labelled_rows
from ml.feedback.reading import Feedback
from ml.performance.joined import join
from serving.records.customer_key import customer_key
from serving.records.row import UNKNOWN, Value
from serving.tables.category_spelling import fold
from serving.tables.missing_values import MISSING

REST = "rest"
_NOT_JOINED = ("unknown", "mismatched", "ambiguous", "early", "late", "repeated", "contradicted")
"""What `join` leaves out of every use; for the rest of its cases only a weight is missing."""


@dataclass(frozen=True)
class TrainingRows:
    """The rows, in the order in which their outcomes came, and how many others were left out, by case.

    The cases are those of `ml.performance.joined.Left`, and these:

    - `no_features`: the record does not have the row.
    - `no_customer`: nobody knows who it is, so that she could not be found again to be erased.
    - `no_version`: it is not certain which version scored the row.
    - `control`: the customer was left alone; what such customers come to is another question.
    - `other_words`: the outcome is neither of the two words of the target.
    - `not_in_schema`: a feature was not recorded, or has a value that the schema does not allow.
    - `superseded`: the same customer has a later outcome.
    """

    rows: tuple[OutcomeRow, ...]
    left_out: Mapping[str, int]


def training_rows(feedback: Feedback, *, target: str, schema: Schema) -> TrainingRows:
    """Choose the rows.

    Args:
        feedback: What was read.
        target: The word for a target customer; the other one is "rest".
        schema: The one of the run.
    """
    joined = join(feedback.scored, feedback.told, target=target, calibrated=lambda _, score: score)
    counts = joined.left.counts()
    left = Counter({case: counts[case] for case in _NOT_JOINED})
    left["no_features"] = len(joined.settled) - sum(key in feedback.features for key in joined.settled)
    latest: dict[str, tuple[LabelledRow, OutcomeRow]] = {}
    for row in labelled_rows(feedback, joined.settled):
        found = _row(row, target, schema)
        if isinstance(found, str):
            left[found] += 1
            continue
        before = latest.pop(found.customer, None)  # so that the one that is kept stands where its outcome came
        left["superseded"] += before is not None
        latest[found.customer] = before if before and before[0].day > row.day else (row, found)
    return TrainingRows(tuple(found for _, found in latest.values()), {case: n for case, n in left.items() if n})


def _row(row: LabelledRow, target: str, schema: Schema) -> OutcomeRow | str:
    """Return the row as training takes it, or the case for which it is left out."""
    if not row.customer or row.customer.strip() in MISSING or len(row.customer.encode()) > MAX_VALUE_BYTES:
        return "no_customer"
    if row.version == UNKNOWN:
        return "no_version"
    if row.is_control:
        return "control"
    if row.label not in (target, REST):
        return "other_words"
    features = _texts(row.features, schema)
    if features is None:
        return "not_in_schema"
    return OutcomeRow(
        customer_key(row.customer), features, row.label, row.day.isoformat(), row.version, *row.key, row.propensity
    )


def _texts(features: Mapping[str, Value], schema: Schema) -> dict[str, str] | None:
    """Return the features as texts; None when one is not there or not allowed, or none has a value."""
    found = {}
    bounds = {one.name: one.float_domain for one in schema.message.feature if one.HasField("float_domain")}
    for name in FEATURES:
        if name not in features:
            return None
        value = features[name]
        text = _number(value, bounds.get(name)) if name in NUMERIC else _category(value, schema.spellings.get(name))
        if text is None:
            return None
        found[name] = text
    return found if any(found.values()) else None


def _number(value: Value, bounds: object) -> str | None:
    """Return a number as text, "" where it is missing; None for what is no number, or out of bounds.

    Args:
        value: As it was sent.
        bounds: A `tensorflow_metadata.proto.v0.FloatDomain`; None for none.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, (str, bool)) or not math.isfinite(value):
        return None
    limits = [getattr(bounds, end) if bounds is not None and bounds.HasField(end) else None for end in ("min", "max")]  # type: ignore[attr-defined]
    low, high = limits
    is_inside = (low is None or value >= low) and (high is None or value <= high)
    return repr(float(value)) if is_inside else None


def _category(value: Value, known: Mapping[str, str] | None) -> str | None:
    """Return a category as the schema spells it, "" where it is missing; None for one that it does not list."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return None
    if value.strip() in MISSING:
        return ""
    return value.strip() if known is None else known.get(fold(value))


def versions_of(rows: Iterable[OutcomeRow]) -> dict[str, int]:
    """Return how many rows each version scored, by its number as text."""
    return dict(sorted(Counter(row.version for row in rows).items()))


def dates_of(rows: Iterable[OutcomeRow]) -> Iterator[str]:
    """Yield the dates of the outcomes, in order."""
    yield from sorted(row.date for row in rows)
