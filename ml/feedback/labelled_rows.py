"""Customers whose features and outcome are both known: what a model could learn from, or be tried on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ml.feedback.reading import Feedback
from ml.performance.customers import CONTROL
from ml.performance.joined import Key, Told
from serving.records.row import RecordedRow, Value


@dataclass(frozen=True)
class LabelledRow:
    """A row of the record with what came of its customer.

    Attributes:
        key: Request and row.
        version: The version that scored it; "unknown" when it is not certain.
        scored: When, ISO 8601 in UTC.
        told: When its outcome came, ISO 8601 in UTC.
        day: When the outcome was so.
        label: The outcome.
        propensity: The probability with which the customer was asked; None when nobody knows.
        is_control: Whether the customer was left alone.
        customer: The identifier, of the record or the outcome; None when neither has one.
        features: The inputs as they were sent.
    """

    key: Key
    version: str
    scored: str
    told: str
    day: date
    label: str
    propensity: float | None
    is_control: bool
    customer: str | None
    features: Mapping[str, Value]


def labelled_rows(feedback: Feedback, settled: Mapping[Key, Told]) -> list[LabelledRow]:
    """Return the rows with features and outcome, in the order in which the outcomes came.

    Args:
        feedback: What was read.
        settled: The outcome that counts of each row (`ml.performance.joined.Joined.settled`).
    """
    found = [_row(feedback.features[key], told) for key, told in settled.items() if key in feedback.features]
    return sorted(found, key=lambda row: (row.told, row.key))


def _row(row: RecordedRow, told: Told) -> LabelledRow:
    return LabelledRow(
        key=(row.request_id, row.row),
        version=row.version,
        scored=row.time,
        told=told.received,
        day=told.day,
        label=told.label,
        propensity=row.propensity,
        is_control=row.group == CONTROL,
        customer=row.customer or told.customer,
        features=row.features,
    )
