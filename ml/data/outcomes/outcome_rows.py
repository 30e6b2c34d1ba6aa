"""The file `outcomes.csv` beside a data.csv: customers whose outcome came, as training takes them."""

from __future__ import annotations

import csv as csv_module
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ml.data.features import FEATURES, ID
from ml.storage.files import write_whole

NAME = "outcomes.csv"
LABEL = "outcome"
_ABOUT = ("outcome_date", "version", "request_id", "row", "propensity")
COLUMNS = (ID, *FEATURES, LABEL, *_ABOUT)
_PLACE = {name: place for place, name in enumerate(COLUMNS)}


@dataclass(frozen=True)
class OutcomeRow:
    """A customer with features and outcome.

    Attributes:
        customer: The identifier, as `customer_key` returns it.
        features: The values by the name of the feature, as text; "" where missing.
        label: The outcome, one of the two words of the target.
        date: When it was so, ISO 8601.
        version: The version that scored the customer.
        request_id: The request, or the list, in which that was.
        row: The number of the row in it.
        propensity: The probability with which the customer was asked; None when nobody knows.
    """

    customer: str
    features: Mapping[str, str]
    label: str
    date: str
    version: str
    request_id: str
    row: int
    propensity: float | None

    @property
    def fields(self) -> list[str]:
        """The row as it stands in the file."""
        chance = "" if self.propensity is None else repr(self.propensity)
        about = (self.label, self.date, self.version, self.request_id, str(self.row), chance)
        return [self.customer, *(self.features[name] for name in FEATURES), *about]


def outcomes_beside(csv: Path) -> Path | None:
    """Return the file with the rows that outcomes added to a data.csv; None when there is none."""
    path = csv.with_name(NAME)
    return path if path.is_file() else None


def write_outcome_rows(rows: Iterable[OutcomeRow], path: Path) -> None:
    """Write the rows, whole or not at all; the same rows in the same order make the same bytes."""
    write_whole(path, _encoded([list(COLUMNS), *(row.fields for row in rows)]))


def read_customers(path: Path) -> tuple[list[str], Mapping[str, list[str]]]:
    """Return the identifiers of the rows, as `customer_key` returns them, and their features as text, by name."""
    _, *rows = _lines(path)
    return [row[_PLACE[ID]] for row in rows], {name: [row[_PLACE[name]] for row in rows] for name in FEATURES}


def rows_about(path: Path, customers: frozenset[str], keys: frozenset[tuple[str, int]]) -> int:
    """Return how many rows of the file are about these customers, or are these rows.

    Args:
        path: The file.
        customers: Identifiers, as `customer_key` returns them.
        keys: Request identifiers with row numbers.
    """
    _, *rows = _lines(path)
    return sum(_is_about(row, customers, keys) for row in rows)


def rewrite_without(path: Path, customers: frozenset[str], keys: frozenset[tuple[str, int]]) -> None:
    """Write the file anew without the rows that `rows_about` counts, whole or not at all; the others keep their order.

    It goes to the disk for good, its name too.
    """
    header, *rows = _lines(path)
    write_whole(path, _encoded([header, *(row for row in rows if not _is_about(row, customers, keys))]))


def _is_about(row: list[str], customers: frozenset[str], keys: frozenset[tuple[str, int]]) -> bool:
    return row[_PLACE[ID]] in customers or (row[_PLACE["request_id"]], int(row[_PLACE["row"]])) in keys


def _lines(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv_module.reader(file))


def _encoded(lines: Iterable[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv_module.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue().encode()
