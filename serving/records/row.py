"""A row of the record: what was asked about one customer, and what was answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Self

from serving.records.shares import check_share

UNKNOWN = "unknown"
Value = float | str | None
"""A feature as it was sent: a number, or text."""


class NoRowError(Exception):
    """A line is not a row of the record: it was torn, or is something else."""


@dataclass(frozen=True, slots=True)
class RecordedRow:
    """A row of a request and its answer. The join key of an outcome is `request_id` and `row`.

    Attributes:
        time: When it was answered, ISO 8601 in UTC with microseconds.
        request_id: The identifier of the request.
        row: The number of the row in it: of an instance from 1, of a scored file its line.
        model: The model.
        version: The version that answered; "unknown" when it is not certain.
        probability: What it answered; None when it said none.
        label: The label that it answered; None when it said none.
        customer: The identifier of the customer in a scored file; None when there was none.
        features: The inputs as they were sent, by name.
        propensity: The probability with which the customer was to be asked, 0 to 1: of a row of a list; None of others.
        group: "control" for a customer of a list who is left alone, "explored" for one from outside the cut, "targeted"
            for the others of the list; None for who is not on it.
    """

    time: str
    request_id: str
    row: int
    model: str
    version: str
    probability: float | None
    label: str | None
    customer: str | None = None
    features: Mapping[str, Value] = field(default_factory=dict)
    propensity: float | None = None
    group: str | None = None

    def line(self) -> bytes:
        """The row as a line of JSON; NaN is written as JavaScript does."""
        known = {name: getattr(self, name) for name in _FIELDS} | {"features": dict(self.features)}
        return json.dumps(known, ensure_ascii=False).encode("utf-8", "replace") + b"\n"

    @classmethod
    def of(cls, line: bytes) -> Self:
        """Reads a line; names that newer code has added are passed over.

        Raises:
            NoRowError: It is none.
        """
        try:
            found: dict[str, Any] = json.loads(line)
            datetime.fromisoformat(found["time"])
            row = cls(**{name: found[name] for name in cls.__slots__ if name in found})
            if not isinstance(row.features, dict) or not isinstance(row.row, int):
                raise ValueError("a value of another type")
            check_share(row.propensity)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise NoRowError from error
        return row


_WHOLE = 1e15
_FIELDS = tuple(found.name for found in fields(RecordedRow))


def number_text(number: float) -> str:
    """A number as a text from which the same number can be read: 22 for 22.0, and no digit less than it has."""
    return f"{number:.0f}" if abs(number) < _WHOLE and number == int(number) else repr(number)


def utc_text(seconds: float) -> str:
    """A time in seconds since 1970 as a row has it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
