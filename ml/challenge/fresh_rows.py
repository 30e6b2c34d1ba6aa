"""Customers of lists, scored since both models were trained, with features, propensity and what came of them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml.challenge.process import PSEUDONYM
from ml.data.features import CATEGORICAL, FEATURES, NUMERIC, RawFeatures
from ml.feedback.reading import Directories, Feedback, read_feedback
from ml.performance.asked import Floats
from ml.performance.customers import EXPLORED, TARGETED, parts
from ml.performance.joined import Key, Told, join
from ml.training.split import row_hashes
from serving.records.customer_key import customer_key
from serving.records.record_directory import Unreadable, read_record
from serving.records.row import RecordedRow, Value

EARLIEST = datetime.min.replace(tzinfo=UTC)
OPEN_DAYS = 21
"""A list is closed so long after it was scored, whatever is known of it then; what comes later does not count.

It does not depend on what came: else lists that go well could be closed before the others. Three weeks leave nine days
in which a check may fail before the gateway removes the rows (`--record-days 30`).
"""
ABOVE, BELOW, BETWEEN = 0, 1, -1
"""The strata of a file. The one customer at the cut whose place is drawn by lot when the share that explores leaves a
part of a place is of neither."""


@dataclass(frozen=True)
class FreshRows:
    """Customers of the files that lists were made of, each with a chance to be asked, in the order of the record.

    Attributes:
        request: The pseudonym of the list of each, [n].
        customer: Those of the customers, as record or outcome name them; of one without an identifier, of his
            features, [n].
        scored: When each was scored, [n].
        closes: When the list of each is closed, [n].
        features: As they were sent, by name, [n] each.
        hashes: Of the row as training data would have it, with the label that is no target and with the target's,
            uint64 [2, n].
        propensity: With which each was to be asked, above 0, [n].
        stratum: `ABOVE`, `BELOW` or `BETWEEN`, intp [n]; all of a file are of the first where all had the same chance.
        outcome: 1, 0, or NaN, [n]: of those who were asked, as it was told until the list was closed.
        left: How many rows of lists were left out, by the reason.
    """

    request: tuple[str, ...]
    customer: tuple[str, ...]
    scored: tuple[datetime, ...]
    closes: tuple[datetime, ...]
    features: RawFeatures
    hashes: NDArray[np.uint64]
    propensity: Floats
    stratum: NDArray[np.intp]
    outcome: Floats
    left: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.request)

    def are_unseen(
        self, since: datetime, trained_on: Sequence[NDArray[np.uint64]], customers: frozenset[str] = frozenset()
    ) -> NDArray[np.bool_]:
        """Return which customers were scored after a time, and are in none of these data, [n].

        Args:
            since: When the younger of two models was done.
            trained_on: The hashes of the rows that each was made from (`ml.evaluation.row_hashes`).
            customers: The pseudonyms of customers who are in them, whatever their features are now.
        """
        found = zip(self.scored, self.customer, strict=True)
        fresh = np.array([at > since and customer not in customers for at, customer in found], bool)
        for hashes in trained_on:
            fresh &= ~np.isin(self.hashes, hashes).any(axis=0)
        return fresh


def read_fresh_rows(directories: Directories, *, model: str, target: str) -> FreshRows:
    """Read the rows of lists from the record, and what came of them.

    A list counts when each of its customers had a chance to be asked; else nothing could be said of those without one.
    Nobody asked its control group: what is known of them is no outcome. A row that lacks a feature cannot be scored as
    it was.

    Args:
        directories: Where record and outcomes are.
        model: The served model.
        target: The label of a target customer; every other label is an outcome of 0.

    Raises:
        OSError: A file cannot be read.
    """
    feedback = read_feedback(directories, model=model)
    chances: dict[str, tuple[float, float]] = {}
    for one in feedback.scored:
        if one.propensity is not None and one.is_whole:
            low, high = chances.get(one.request_id, (1.0, 0.0))
            chances[one.request_id] = min(low, one.propensity), max(high, one.propensity)
    left: Counter[str] = Counter()
    rows = list(_usable(directories, model, chances, left))
    scored = [datetime.fromisoformat(row.time) for row in rows]
    closes: dict[str, datetime] = {}
    for row, at in zip(rows, scored, strict=True):
        closes[row.request_id] = max(at + timedelta(days=OPEN_DAYS), closes.get(row.request_id, EARLIEST))
    settled = _told_in_time(feedback, closes, target)
    told = [settled.get((row.request_id, row.row)) for row in rows]
    features = {name: column_of([row.features[name] for row in rows], is_text=name in CATEGORICAL) for name in FEATURES}
    hashes = hashes_of(features)
    propensity = np.array([row.propensity for row in rows], np.float64)
    outcome = np.array([_outcome(one, target) for one in told], np.float64)
    outcome[~_are_asked(rows, propensity)] = np.nan
    return FreshRows(
        request=tuple(_pseudonym("list", row.request_id) for row in rows),
        customer=tuple(
            _customer(row.customer or (one.customer if one else None), profile)
            for row, one, profile in zip(rows, told, hashes[0].tolist(), strict=True)
        ),
        scored=tuple(scored),
        closes=tuple(closes[row.request_id] for row in rows),
        features=features,
        hashes=hashes,
        propensity=propensity,
        stratum=strata(propensity, np.array([chances[row.request_id] for row in rows], np.float64).reshape(-1, 2)),
        outcome=outcome,
        left=dict(left),
    )


def _told_in_time(feedback: Feedback, closes: Mapping[str, datetime], target: str) -> Mapping[Key, Told]:
    """The outcome of each row that counted when its list was closed, though another one may have come since."""
    told: Sequence[Told] = feedback.told
    while True:
        settled = join(feedback.scored, told, target=target, calibrated=lambda _, said: said).settled
        late = {
            one.place
            for (request, _), one in settled.items()
            if request in closes and datetime.fromisoformat(one.received) > closes[request]
        }
        if not late:
            return settled
        told = [one for one in told if one.place not in late]


def _are_asked(rows: Sequence[RecordedRow], propensity: Floats) -> NDArray[np.bool_]:
    _, number = np.unique([row.request_id for row in rows], return_inverse=True)
    group = np.array([row.group or "" for row in rows], np.str_)
    return np.isin(parts(group, propensity, number, np.ones(len(rows), np.bool_)), (TARGETED, EXPLORED))


def strata(propensity: Floats, chances: Floats) -> NDArray[np.intp]:
    """Return the stratum of each customer, [n].

    Args:
        propensity: With which each was to be asked, [n].
        chances: The lowest and the highest propensity of the file of each, [n, 2].
    """
    is_above, is_below = propensity == chances[:, 1], propensity == chances[:, 0]
    return np.where(is_above, ABOVE, np.where(is_below, BELOW, BETWEEN)).astype(np.intp)


def _usable(
    directories: Directories, model: str, chances: Mapping[str, tuple[float, float]], left: Counter[str]
) -> Iterator[RecordedRow]:
    seen: set[Key] = set()
    for row in read_record(directories.record, Unreadable()):
        key = (row.request_id, row.row)
        if row.model != model or row.probability is None or row.propensity is None or key in seen:
            continue
        seen.add(key)
        if chances.get(row.request_id, (0.0, 0.0))[0] <= 0:
            left["no_chance"] += 1
        elif not all(_fits(name, row.features.get(name, row)) for name in FEATURES):
            left["features"] += 1
        else:
            yield row


def _fits(name: str, value: Value | RecordedRow) -> bool:
    if value is None or (name in NUMERIC and value == ""):
        return True
    return isinstance(value, str) if name in CATEGORICAL else isinstance(value, int | float)


def column_of(values: Sequence[Value], *, is_text: bool) -> NDArray[np.generic]:
    """Return values of one feature, None where it is missing, as models take it, [n]."""
    if is_text:
        return np.array(["" if value is None else value for value in values], object)
    return np.array([np.nan if value in (None, "") else value for value in values], np.float32)


def hashes_of(features: RawFeatures) -> NDArray[np.uint64]:
    """Return the hashes of rows as training data would have them, with either label, uint64 [2, n]."""
    rows = len(features[FEATURES[0]])
    if not rows:
        return np.zeros((2, 0), np.uint64)
    columns = {
        name: pa.array(column.tolist(), pa.string())
        if name in CATEGORICAL
        else pa.array(column.astype(np.float64), pa.float64(), from_pandas=True)
        for name, column in features.items()
    }
    return np.stack([row_hashes(columns, np.full(rows, label, np.int8)) for label in (0, 1)])


def _outcome(told: Told | None, target: str) -> float:
    return np.nan if told is None else float(told.label == target)


def _customer(identifier: str | None, profile: int) -> str:
    return _pseudonym("profile", str(profile)) if identifier is None else customer_pseudonym(identifier)


def customer_pseudonym(identifier: str) -> str:
    """Return what stands for a customer, however a file writes the identifier."""
    return _pseudonym("customer", customer_key(identifier))


def _pseudonym(*parts: str) -> str:
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=PSEUDONYM // 2).hexdigest()
