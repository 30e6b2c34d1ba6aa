"""Customers of lists, scored since both models were trained, with features, propensity and what came of them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml.challenge.process import PSEUDONYM
from ml.data.features import CATEGORICAL, FEATURES, NUMERIC, RawFeatures
from ml.feedback.reading import Directories, read_feedback
from ml.performance.asked import Floats
from ml.performance.joined import Key, Told, join
from ml.training.split import row_hashes
from serving.records.record_directory import Unreadable, read_record
from serving.records.row import RecordedRow, Value

CONTROL = "control"
"""What the record calls the group of a customer who is left alone."""


@dataclass(frozen=True)
class FreshRows:
    """Customers of lists who could be asked, in the order of the record.

    Attributes:
        row: The pseudonyms of request and row, [n].
        customer: Those of the customers, as record or outcome name them; of one without an identifier, of his
            features, [n].
        scored: When each was scored, [n].
        told: When and by which place the outcome became known; "" for a customer without one, [n].
        features: As they were sent, by name, [n] each.
        hashes: Of the row as training data would have it, with the label that is no target and with the target's,
            uint64 [2, n].
        propensity: With which each was asked, above 0, [n].
        smallest: The smallest propensity of the list that each was on, [n].
        outcome: 1, 0, or NaN without one, [n].
        left: How many rows of lists were left out, by the reason.
    """

    row: tuple[str, ...]
    customer: tuple[str, ...]
    scored: tuple[datetime, ...]
    told: tuple[tuple[str, str], ...]
    features: RawFeatures
    hashes: NDArray[np.uint64]
    propensity: Floats
    smallest: Floats
    outcome: Floats
    left: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.row)

    @property
    def in_order(self) -> list[int]:
        """The places of those with an outcome, in the order in which the outcomes became known."""
        found = (place for place in range(len(self)) if self.told[place][0])
        return sorted(found, key=lambda place: (*self.told[place], self.row[place]))

    def are_unseen(self, since: datetime, trained_on: Sequence[NDArray[np.uint64]]) -> NDArray[np.bool_]:
        """Return which customers were scored after a time, and have features that are in none of these data, [n].

        Args:
            since: When the younger of two models was done.
            trained_on: The hashes of the rows that each was made from (`ml.evaluation.row_hashes`).
        """
        fresh = np.array([at > since for at in self.scored], bool)
        for hashes in trained_on:
            fresh &= ~np.isin(self.hashes, hashes).any(axis=0)
        return fresh


def read_fresh_rows(directories: Directories, *, model: str, target: str) -> FreshRows:
    """Read the rows of lists from the record, and what came of them.

    A list counts when each of its customers had a chance to be asked; else nothing could be said of those without one.
    Its control group does not: nobody asked them. A row that lacks a feature cannot be scored as it was.

    Args:
        directories: Where record and outcomes are.
        model: The served model.
        target: The label of a target customer; every other label is an outcome of 0.

    Raises:
        OSError: A file cannot be read.
    """
    feedback = read_feedback(directories, model=model)
    settled = join(feedback.scored, feedback.told, target=target, calibrated=lambda _, said: said).settled
    smallest: dict[str, float] = {}
    for one in feedback.scored:
        if one.propensity is not None and one.is_whole:
            smallest[one.request_id] = min(one.propensity, smallest.get(one.request_id, 1.0))
    left: Counter[str] = Counter()
    rows = list(_usable(directories, model, smallest, left))
    features = {name: _column([row.features[name] for row in rows], is_text=name in CATEGORICAL) for name in FEATURES}
    told = [settled.get((row.request_id, row.row)) for row in rows]
    hashes = _hashes(features)
    return FreshRows(
        row=tuple(_pseudonym("row", row.request_id, str(row.row)) for row in rows),
        customer=tuple(
            _customer(row.customer or (one.customer if one else None), profile)
            for row, one, profile in zip(rows, told, hashes[0].tolist(), strict=True)
        ),
        scored=tuple(datetime.fromisoformat(row.time) for row in rows),
        told=tuple(("", "") if one is None else (one.received, one.place) for one in told),
        features=features,
        hashes=hashes,
        propensity=np.array([row.propensity for row in rows], np.float64),
        smallest=np.array([smallest[row.request_id] for row in rows], np.float64),
        outcome=np.array([_outcome(one, target) for one in told], np.float64),
        left=dict(left),
    )


def _usable(
    directories: Directories, model: str, smallest: Mapping[str, float], left: Counter[str]
) -> Iterator[RecordedRow]:
    seen: set[Key] = set()
    for row in read_record(directories.record, Unreadable()):
        key = (row.request_id, row.row)
        if row.model != model or row.probability is None or row.propensity is None or key in seen:
            continue
        seen.add(key)
        if row.group == CONTROL:
            left["control"] += 1
        elif smallest.get(row.request_id, 0.0) <= 0:
            left["no_chance"] += 1
        elif not all(_fits(name, row.features.get(name, row)) for name in FEATURES):
            left["features"] += 1
        else:
            yield row


def _fits(name: str, value: Value | RecordedRow) -> bool:
    if value is None or (name in NUMERIC and value == ""):
        return True
    return isinstance(value, str) if name in CATEGORICAL else isinstance(value, int | float)


def _column(values: Sequence[Value], *, is_text: bool) -> NDArray[np.generic]:
    if is_text:
        return np.array(["" if value is None else value for value in values], object)
    return np.array([np.nan if value in (None, "") else value for value in values], np.float32)


def _hashes(features: RawFeatures) -> NDArray[np.uint64]:
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
    return _pseudonym("profile", str(profile)) if identifier is None else _pseudonym("customer", identifier)


def _pseudonym(*parts: str) -> str:
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=PSEUDONYM // 2).hexdigest()
