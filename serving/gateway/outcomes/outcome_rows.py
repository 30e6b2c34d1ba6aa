"""Outcomes in an upload: each row checked, and what is wrong told by its number."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from serving.gateway.headers import is_request_id
from serving.records.outcome import Outcome
from serving.tables.number_text import parse_number

MOST_ROWS = 50_000
_LONGEST = 200
_FIRST_YEAR = 2000
_AHEAD = timedelta(hours=14)
"""In the first time zone it is tomorrow already."""
_WITH_DOTS = re.compile(r"(?P<day>[0-9]{1,2})\.(?P<month>[0-9]{1,2})\.(?P<year>[0-9]{4})")
"""As spreadsheets of some countries write a date; with dots, unlike with slashes, the day is first in all of them."""
_GROUPS = ("", "control", "explored")
_VERSION = re.compile(r"[0-9]{1,19}|unknown")


class OutcomesError(Exception):
    """An upload is refused; the message says why, by row."""


@dataclass
class OutcomeRows:
    """Reads the rows of an upload.

    Attributes:
        labels: The target's two words.
        now: The time.
        shown: How many wrong rows are told one by one.
    """

    labels: Collection[str]
    now: datetime
    shown: int = 10
    _wrong: list[str] = field(default_factory=list)
    _wrong_rows: int = 0
    _labels_by_key: dict[tuple[object, ...], tuple[str, int]] = field(default_factory=dict)

    def read(self, rows: Iterable[tuple[int, Mapping[str, str] | str]]) -> list[Outcome]:
        """The outcomes of an upload.

        Args:
            rows: The number of each row, and its values by the names of `Outcome` (those that are not there are ""), or
                what is wrong with it.

        Raises:
            OutcomesError: A row is wrong, or there are none, or too many.
        """
        found: list[Outcome] = []
        for number, row in rows:
            if len(found) + self._wrong_rows >= MOST_ROWS:
                raise OutcomesError(f"There are more than {MOST_ROWS:,} rows. Send them in several requests.")
            wrong = [row] if isinstance(row, str) else [*self._errors(row)]
            if isinstance(row, str) or wrong:
                self._note(number, wrong[0])
                continue
            outcome = _outcome(row)
            if self._contradicts(outcome, number):
                continue
            found.append(outcome)
        if self._wrong_rows:
            more = self._wrong_rows - len(self._wrong)
            rows_are = "1 row is" if self._wrong_rows == 1 else f"{self._wrong_rows:,} rows are"
            lines = "\n  ".join([*self._wrong, *([f"and {more:,} more"] if more else [])])
            raise OutcomesError(f"{rows_are} wrong; nothing was kept.\n  {lines}")
        if not any(outcome.label is not None for outcome in found):
            raise OutcomesError("There is no row with an outcome; nothing was kept.")
        return found

    def _note(self, number: int, what: str) -> None:
        self._wrong_rows += 1
        if len(self._wrong) < self.shown:
            self._wrong.append(f"row {number}: {what}")

    def _errors(self, row: Mapping[str, str]) -> Iterator[str]:
        label, given = row["label"], row["date"]
        if bool(row["request_id"]) != bool(row["row"]):
            yield "request_id and row belong together, and one of them is missing"
        if not row["request_id"] and not row["customer"]:
            yield "it names neither a request_id with a row nor a customer"
        if row["request_id"] and not is_request_id(row["request_id"]):
            yield f"{row['request_id'][:60]!r} is no request_id"
        if row["row"] and not re.fullmatch("0*[1-9][0-9]{0,8}", row["row"]):
            yield f"row is {row['row'][:40]!r}, not the number of a row, from 1"
        if len(row["customer"]) > _LONGEST:
            yield f"the customer has more than {_LONGEST} characters"
        if label and label not in self.labels:
            yield f"the outcome is {label[:40]!r}: write {' or '.join(self.labels)}, or leave it empty"
        if label and not given:
            yield "the outcome has no date: write one like 2026-11-29"
        if label and given:
            yield from self._date_errors(given)
        yield from _list_errors(row)

    def _date_errors(self, text: str) -> Iterator[str]:
        try:
            given = _date(text)
        except ValueError:
            yield f"the date is {text[:40]!r}: write one like 2026-11-29 or 29.11.2026"
            return
        if given > (self.now.astimezone(UTC) + _AHEAD).date():
            yield f"the date {given} is in the future"
        if given.year < _FIRST_YEAR:
            yield f"the date {given} is before {_FIRST_YEAR}"

    def _contradicts(self, outcome: Outcome, number: int) -> bool:
        if outcome.label is None:
            return False
        for key in _subjects(outcome):
            label, first = self._labels_by_key.setdefault(key, (outcome.label, number))
            if label != outcome.label:
                self._note(
                    number, f"it says {outcome.label}, and row {first} says {label} of the same customer and date"
                )
                return True
        return False


def _subjects(outcome: Outcome) -> Iterator[tuple[object, ...]]:
    """What an outcome is about: the customer, and the row of a request, each at its date."""
    if outcome.customer is not None:
        yield outcome.customer, outcome.date
    if outcome.request_id is not None:
        yield outcome.request_id, outcome.row, outcome.date


def _outcome(row: Mapping[str, str]) -> Outcome:
    has_outcome = bool(row["label"])
    return Outcome(
        request_id=row["request_id"] or None,
        row=int(row["row"]) if row["row"] else None,
        customer=row["customer"] or None,
        label=row["label"] or None,
        date=_date(row["date"]).isoformat() if has_outcome else None,
        version=row["version"] or None,
        probability=_share(row["probability"]),
        propensity=_share(row["propensity"]),
        group=row["group"] or None,
    )


def _date(text: str) -> date:
    if (found := _WITH_DOTS.fullmatch(text)) is not None:
        return date(*(int(found[name]) for name in ("year", "month", "day")))
    return datetime.fromisoformat(text).date()


def _list_errors(row: Mapping[str, str]) -> Iterator[str]:
    for name in ("probability", "propensity"):
        value = _share(row[name])
        if value is not None and not 0 <= value <= 1:
            yield f"{name} is {row[name][:40]!r}, not a number from 0 to 1"
    if row["label"] and row["group"] != "control" and _share(row["propensity"]) == 0:
        yield "its propensity is 0: nobody asked, so it has no outcome. Take the number that the list has"
    if row["version"] and not _VERSION.fullmatch(row["version"]):
        yield f"version is {row['version'][:40]!r}, not a number"
    if row["group"] not in _GROUPS:
        yield f"group is {row['group'][:40]!r}, not control, explored or empty"


def _share(text: str) -> float | None:
    """The number that a text is, with a decimal point or comma; NaN when it is none; None for ""."""
    if not text:
        return None
    found = parse_number(text, decimal_comma=True)
    return math.nan if found is None else found
