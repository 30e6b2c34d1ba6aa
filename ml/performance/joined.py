"""Outcomes and the rows that they are about, joined by the rules of docs/outcomes.md."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ml.performance.asked import Floats
from ml.performance.customers import BELOW, CONTROL, Customers, parts
from serving.records.customer_key import customer_key

LATEST_DAYS = 180
_MOST_DIGITS = 19
_SMALLEST = 1e-6
"""A propensity below is none: no list of the gateway is that long, and in a spreadsheet it was rounded or mistyped."""
_ZONES = timedelta(days=1)
"""A row is of a day in UTC, an outcome of one where somebody was: west of Greenwich the evening is a day behind."""
Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Scored:
    """A row that a version scored, from the record, or from a list that was kept or came back.

    Attributes:
        request_id: The request, or the list.
        row: The number of the row in it.
        version: The version; "unknown" when it is not certain.
        day: When it was scored; None when the list does not say.
        probability: What the version said.
        propensity: The probability with which the customer was asked; None when nobody knows.
        group: "control" for a customer who was left alone.
        customer: The identifier of the customer; None when it is not known.
        is_whole: Whether the customers of its file who were not on the list are known, too. Of a list that came back
            they are not.
    """

    request_id: str
    row: int
    version: str
    day: date | None
    probability: float
    propensity: float | None = None
    group: str = ""
    customer: str | None = None
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Told:
    """An outcome as it came.

    Attributes:
        place: What names it, such as its file and row.
        received: When it came, in a form that sorts.
        day: When the outcome was so.
        label: What came of the customer.
        key: Request and row; None when it names a customer alone.
        customer: The identifier of the customer; None when it names a row alone.
    """

    place: str
    received: str
    day: date
    label: str
    key: Key | None = None
    customer: str | None = None


@dataclass
class Left:
    """Outcomes that were not used, by their places.

    Attributes:
        unknown: No row has that request and row, or that customer.
        mismatched: The row that is named is about another customer than the one that is named.
        ambiguous: The customer is in one list more than once.
        early: It was so before the customer was scored, and so cannot have followed.
        late: It was so too long afterwards.
        repeated: The same was told before.
        contradicted: Something else was told of the same row that counts more.
        unasked: The customer was not on the list, or nobody knows with which probability he was.
        version_unknown: It is not certain which version scored the row.
    """

    unknown: list[str] = field(default_factory=list)
    mismatched: list[str] = field(default_factory=list)
    ambiguous: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    contradicted: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    version_unknown: list[str] = field(default_factory=list)

    def counts(self) -> Mapping[str, int]:
        """How many outcomes there are of each case."""
        return {name: len(places) for name, places in vars(self).items()}


@dataclass(frozen=True)
class Joined:
    """What a version's customers came to.

    Attributes:
        customers: The customers by version, as far as their propensity is known.
        left: Outcomes that were not used.
        settled: The outcome that counts of each row that has one, whatever became of it above.
    """

    customers: Mapping[str, Customers]
    left: Left
    settled: Mapping[Key, Told]


def join(
    scored: Iterable[Scored],
    outcomes: Iterable[Told],
    *,
    target: str,
    calibrated: Callable[[str, Floats], Floats],
    latest_days: int = LATEST_DAYS,
) -> Joined:
    """Join outcomes to the rows that they are about.

    Args:
        scored: The rows; of two with the same request and row the first counts: give the record before lists that came
            back.
        outcomes: The outcomes, in any order.
        target: The label of a target customer; every other label is an outcome of 0.
        calibrated: Returns calibrated probabilities of a version, [n], from those that it said, [n].
        latest_days: How many days after the scoring an outcome may be.
    """
    rows: dict[Key, Scored] = {}
    whole: set[str] = set()
    for one in scored:
        if one.is_whole:
            whole.add(one.request_id)
        elif one.request_id in whole and (one.request_id, one.row) not in rows:
            continue  # of a file that is known as a whole: it has no such row
        rows.setdefault((one.request_id, one.row), one)
    left = Left()
    found = _found(rows, outcomes, left, timedelta(days=latest_days))
    labels = {key: _settled(told, left) for key, told in found.items()}
    return _by_version(rows, labels, left, target, calibrated)


def _found(
    rows: Mapping[Key, Scored], outcomes: Iterable[Told], left: Left, latest: timedelta
) -> dict[Key, list[Told]]:
    by_customer: dict[str, list[Scored]] = defaultdict(list)
    for one in rows.values():
        if one.customer is not None:
            by_customer[customer_key(one.customer)].append(one)
    found: dict[Key, list[Told]] = defaultdict(list)
    for told in outcomes:
        row = _row_of(told, rows, by_customer, left)
        if row is None:
            continue
        if row.day is not None and told.day < row.day - _ZONES:
            left.early.append(told.place)
        elif row.day is not None and told.day > row.day + latest:
            left.late.append(told.place)
        else:
            found[row.request_id, row.row].append(told)
    return found


def _row_of(
    told: Told, rows: Mapping[Key, Scored], by_customer: Mapping[str, Sequence[Scored]], left: Left
) -> Scored | None:
    """The row that an outcome is about; None, and counted, when there is none."""
    if told.key is None:
        return _of_customer(by_customer.get(customer_key(told.customer or ""), []), told, left)
    row = rows.get(told.key)
    if row is None:
        left.unknown.append(told.place)
    elif told.customer and row.customer and customer_key(told.customer) != customer_key(row.customer):
        left.mismatched.append(told.place)
        return None
    return row


def _of_customer(rows: Sequence[Scored], told: Told, left: Left) -> Scored | None:
    """The row of the last list before an outcome that has the customer; None, and counted, when there is none."""
    if not rows:
        left.unknown.append(told.place)
        return None
    before = [one for one in rows if one.day is None or one.day <= told.day]
    before = before or [one for one in rows if one.day is not None and one.day - _ZONES <= told.day]
    if not before:
        left.early.append(told.place)
        return None
    last = max(before, key=lambda one: (one.day or date.min, one.request_id))
    if sum(one.request_id == last.request_id for one in before) > 1:
        left.ambiguous.append(told.place)
        return None
    return last


def _settled(told: Sequence[Told], left: Left) -> Told:
    """The outcome of a row that counts: the latest date, and of that date the one that came last."""
    ordered = sorted(told, key=lambda one: (one.day, one.received, one.place))
    counts = ordered[-1]
    for one in ordered[:-1]:
        (left.repeated if one.label == counts.label else left.contradicted).append(one.place)
    return counts


def _by_version(
    rows: Mapping[Key, Scored],
    labels: Mapping[Key, Told],
    left: Left,
    target: str,
    calibrated: Callable[[str, Floats], Floats],
) -> Joined:
    of_version: dict[str, list[tuple[Scored, Told | None]]] = defaultdict(list)
    for key, one in rows.items():
        told = labels.get(key)
        if not is_version(one.version):
            left.version_unknown += [told.place] if told else []
        elif one.propensity is None or not 0 <= one.propensity <= 1:
            left.unasked += [told.place] if told else []
        else:
            of_version[one.version].append((one, told))
    customers = {
        version: _customers(pairs, left, target, partial(calibrated, version)) for version, pairs in of_version.items()
    }
    return Joined(customers, left, labels)


def is_version(text: str) -> bool:
    """Whether a version is certain, and a number; what a list that came back says may be anything."""
    return text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS


def _customers(
    pairs: Sequence[tuple[Scored, Told | None]], left: Left, target: str, calibrated: Callable[[Floats], Floats]
) -> Customers:
    score = np.array([one.probability for one, _ in pairs], np.float64)
    propensity = np.array([one.propensity for one, _ in pairs], np.float64)
    outcome = np.array([np.nan if told is None else told.label == target for _, told in pairs], np.float64)
    _, list_number = np.unique([one.request_id for one, _ in pairs], return_inverse=True)
    is_whole = np.array([one.is_whole for one, _ in pairs], np.bool_)
    day = np.array([one.day or "NaT" for one, _ in pairs], "datetime64[D]")
    part = parts(np.array([one.group for one, _ in pairs]), propensity, list_number, is_whole)
    # Nobody asked them: that somebody knows what came of one has other causes than the lot, and so no weight.
    uninvited = (part == BELOW) | ((part != CONTROL) & (propensity < _SMALLEST))
    left.unasked += [told.place for (_, told), out in zip(pairs, uninvited.tolist(), strict=True) if told and out]
    outcome[uninvited] = np.nan
    return Customers(score, calibrated(score), propensity, outcome, part, list_number, is_whole, day, _who(pairs))


def _who(pairs: Sequence[tuple[Scored, Told | None]]) -> NDArray[np.intp]:
    """A number for each customer, whom the row or else its outcome names; who is not named is nobody else."""
    numbers: dict[object, int] = {}
    found = np.empty(len(pairs), np.intp)
    for place, (one, told) in enumerate(pairs):
        name = one.customer or (told.customer if told else None)
        found[place] = numbers.setdefault(customer_key(name) if name else (one.request_id, one.row), len(numbers))
    return found
