"""The record of a scored file: a row for each customer, also for those who are not on the list."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from serving.records.row import RecordedRow, Value
from serving.score.lists.drawn_list import DrawnList
from serving.score.output_files import ScoredRows
from serving.tables.column_names import identifier_column
from serving.tables.customers import Customer
from serving.tables.missing_values import plain_identifier

Identify = Callable[[Customer], str | None]
"""Returns the identifier of a customer; None for one without."""


@dataclass(frozen=True)
class RecordedFile:
    """What all rows of a record have in common.

    Attributes:
        time: When the file was scored, ISO 8601 in UTC.
        request_id: What names the file, or the list.
        model: The model.
        version: The version that gave every score.
        without: Columns that are left out.
    """

    time: str
    request_id: str
    model: str
    version: int
    without: Collection[str] = ()

    def rows(
        self, customers: Iterable[Customer], scored: ScoredRows, drawn: DrawnList | None, identify: Identify
    ) -> Iterator[RecordedRow]:
        """Yields the rows.

        Args:
            customers: All rows of the file, in its order; those that are no customers are left out.
            scored: Their scores.
            drawn: Who is on the list; None when nobody said whom to ask, so that no propensity is known.
            identify: Tells their identifiers.
        """
        labels = [*scored.labels]
        asked = None if drawn is None else drawn.propensities(len(scored.probabilities))
        groups = {} if drawn is None else drawn.groups()
        probabilities = scored.by_row()
        for number, customer in enumerate(customers):
            if customer.instance is None:
                continue
            yield RecordedRow(
                self.time,
                self.request_id,
                customer.line,
                self.model,
                str(self.version),
                float(str(probabilities[number])),  # the shortest number that is this one in float32
                labels[scored.label_numbers[number]],
                identify(customer),
                {name: _value(value) for name, value in customer.instance.items() if name not in self.without},
                None if asked is None else float(asked[number]),
                groups.get(number),
            )


def identifier_of_row(header: Sequence[str], without: Collection[str] = ()) -> Identify:
    """Reads the identifier from a row's values, as the upload of outcomes reads it.

    Args:
        header: The names of the columns.
        without: Columns that are left out; an identifier in one of them is, too.
    """
    column = identifier_column(header)
    if column is None or header[column].strip() in without:
        return lambda _customer: None
    return lambda customer: plain_identifier(customer.row[column])


def _value(value: object) -> Value:
    if value is None or isinstance(value, str):
        return value
    return float(value) if isinstance(value, int | float) else math.nan
