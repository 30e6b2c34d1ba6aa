"""What came of a customer, as somebody told it; or a row of a list that came back, with or without an outcome."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Self

from serving.records.shares import check_share


class NoOutcomeError(Exception):
    """A line is not an outcome."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row. It names a row of a request, or a customer, or both; `label` and `date` come together.

    Attributes:
        request_id: The request, or the list, in which the customer was scored.
        row: The number of the row in it.
        customer: The identifier of the customer.
        label: What came of the customer, one of the target's two words; None in a row of a list that says nothing yet.
        date: When that was so, ISO 8601, such as "2026-11-29".
        version: The version that scored the row, if a list says so; so with the others.
        probability: What the version said, 0 to 1.
        propensity: The probability with which the list asked the customer, 0 to 1.
        group: "control" for a customer who was left alone, "explored" for one from outside the cut.
    """

    request_id: str | None = None
    row: int | None = None
    customer: str | None = None
    label: str | None = None
    date: str | None = None
    version: str | None = None
    probability: float | None = None
    propensity: float | None = None
    group: str | None = None

    def line(self) -> bytes:
        """The row as a line of JSON, without what is not known."""
        known = {name: value for name, value in asdict(self).items() if value is not None}
        return json.dumps(known, ensure_ascii=False).encode("utf-8", "replace") + b"\n"

    @classmethod
    def of(cls, line: bytes) -> Self:
        """Reads a line; names that newer code has added are passed over.

        Raises:
            NoOutcomeError: It is none: no object, or one with a value of another type or beyond its range.
        """
        try:
            found: dict[str, Any] = json.loads(line)
            if not isinstance(found, dict):
                raise TypeError("no object")
            outcome = cls(**{name: found[name] for name in cls.__slots__ if name in found})
            outcome._check()
        except (ValueError, TypeError, RecursionError) as error:
            raise NoOutcomeError from error
        return outcome

    def _check(self) -> None:
        """Raises a ValueError or TypeError when a value cannot be."""
        texts = (self.request_id, self.customer, self.label, self.date, self.version, self.group)
        if not all(value is None or isinstance(value, str) for value in texts):
            raise TypeError("a value that is no text")
        if self.row is not None and (not isinstance(self.row, int) or isinstance(self.row, bool)):
            raise TypeError("a row that is no number")
        check_share(self.probability)
        check_share(self.propensity)
        if self.date is not None:
            date.fromisoformat(self.date)
