"""What a gateway would have written, in a root: rows of its record, and outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from ml.config.settings import resolve
from ml.feedback.reading import Directories
from ml.storage.root import Root
from serving.records.journal import Journal
from serving.records.outcome import Outcome
from serving.records.outcome_files import keep
from serving.records.private_files import private_directory
from serving.records.row import RecordedRow, Value

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MODEL = "customer-model"
ARTIST: Mapping[str, Value] = {
    "Gender": "Female", "Ever_Married": "No", "Age": 22.0, "Graduated": "No", "Profession": "Artist",
    "Work_Experience": 1.0, "Spending_Score": "Low", "Family_Size": 4.0,
}  # fmt: skip


def directories_of(root: Root) -> Directories:
    return Directories.of(root, resolve(environment={}).feedback)


def recorded(
    row: int,
    *,
    customer: str | None = None,
    propensity: float | None = 0.5,
    group: str | None = None,
    features: Mapping[str, Value] = ARTIST,
    version: str = "3",
    request_id: str = "list",
    time: str = "2026-11-02T08:00:00.000000+00:00",
) -> RecordedRow:
    """A row of a list; the customer is "c" and the row's number unless given."""
    return RecordedRow(
        time,
        request_id,
        row,
        MODEL,
        version,
        0.75,
        "D",
        customer=f"c{row}" if customer is None else customer or None,
        features=dict(features),
        propensity=propensity,
        group=group,
    )


def record(root: Root, *rows: RecordedRow) -> None:
    place = private_directory(directories_of(root).record, "--record")
    journal = Journal(place, NOW)
    journal.append(b"".join(row.line() for row in rows))
    journal.close()


def outcome(row: int, label: str = "D", date: str = "2026-11-10", request_id: str = "list") -> Outcome:
    return Outcome(request_id, row, label=label, date=date)


def tell(root: Root, *outcomes: Outcome) -> None:
    place = private_directory(directories_of(root).outcomes, "--outcomes")
    keep(place, outcomes, by="crm", request_id="r", now=NOW)
