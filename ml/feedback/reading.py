"""Reads the record of the gateway and the outcomes that came, as far as one has to do with the other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from pathlib import Path

from ml.config.settings import FeedbackSettings
from ml.feedback.traffic_sample import TrafficSample
from ml.performance.joined import Key, Scored, Told
from ml.storage.root import Root
from serving.records.customer_key import customer_key
from serving.records.kept_lists import kept_list_files
from serving.records.outcome import Outcome
from serving.records.outcome_files import KeptOutcome, read_outcomes
from serving.records.record_directory import Unreadable, read_file, read_record
from serving.records.row import UNKNOWN, RecordedRow


@dataclass(frozen=True)
class Directories:
    """Where the gateway writes; a directory that is not there holds nothing.

    Attributes:
        record: Rows that were predicted or scored.
        outcomes: What came of customers.
        lists: Lists that people let the server keep.
    """

    record: Path
    outcomes: Path
    lists: Path

    @classmethod
    def of(cls, root: Root, settings: FeedbackSettings) -> Directories:
        """Return the directories that the settings name, from the root on."""
        return cls(*(root.path / name for name in (settings.record, settings.outcomes, settings.lists)))


@dataclass(frozen=True)
class Feedback:
    """What was scored, and what came of it.

    Attributes:
        scored: The rows whose chance to be asked is known, and those that an outcome names; the record comes before
            kept lists, and these before lists that came back.
        told: The outcomes, in the order in which they came.
        features: Of the rows that an outcome names, as they were sent, as far as the record or a kept list has them.
        unreadable: What could not be read, and was left out.
        traffic: Of all rows of the record some by version and week, by lot.
    """

    scored: tuple[Scored, ...]
    told: tuple[Told, ...]
    features: Mapping[Key, RecordedRow]
    unreadable: Unreadable
    traffic: TrafficSample


def read_feedback(directories: Directories, *, model: str) -> Feedback:
    """Read what there is.

    A row of the record that has to do with no outcome and no list is passed over, unless it is of the sample: memory
    grows with lists, outcomes and weeks, not with traffic.

    Args:
        directories: Where it is.
        model: The model whose rows count; lists that came back do not say theirs.

    Raises:
        OSError: A file cannot be read.
    """
    unreadable = Unreadable()
    kept = [*read_outcomes(directories.outcomes, unreadable)]
    told = tuple(_told(kept))
    keys = {one.key for one in told if one.key is not None}
    customers = {customer_key(one.customer) for one in told if one.key is None and one.customer is not None}
    scored: list[Scored] = []
    features: dict[Key, RecordedRow] = {}
    traffic = TrafficSample()
    recorded = ((row, True) for row in read_record(directories.record, unreadable))
    listed = ((row, False) for row in _of_kept_lists(directories.lists, unreadable))
    for row, is_traffic in chain(recorded, listed):
        key = (row.request_id, row.row)
        is_named = key in keys or (row.customer is not None and customer_key(row.customer) in customers)
        if row.model != model or row.probability is None:
            continue
        if is_traffic:  # the rows of a kept list may be in several, under several names
            traffic.add(row)
        if not is_named and row.propensity is None:
            continue
        scored.append(_recorded(row, row.probability))
        if is_named:
            features.setdefault(key, row)
    return Feedback((*scored, *_returned(kept)), told, features, unreadable, traffic)


def _of_kept_lists(lists: Path, unreadable: Unreadable) -> Iterator[RecordedRow]:
    for path in kept_list_files(lists):
        with suppress(FileNotFoundError):  # it was removed just now
            yield from read_file(path, unreadable)


def _recorded(row: RecordedRow, probability: float) -> Scored:
    return Scored(
        request_id=row.request_id,
        row=row.row,
        version=row.version,
        day=datetime.fromisoformat(row.time).date(),
        probability=probability,
        propensity=row.propensity,
        group=row.group or "",
        customer=row.customer,
    )


def _told(kept: Iterable[KeptOutcome]) -> Iterator[Told]:
    for one in kept:
        outcome = one.outcome
        if outcome.label is None or outcome.date is None:
            continue
        key = None if outcome.request_id is None or outcome.row is None else (outcome.request_id, outcome.row)
        yield Told(one.place, one.received, date.fromisoformat(outcome.date), outcome.label, key, outcome.customer)


def _returned(kept: Iterable[KeptOutcome]) -> Iterator[Scored]:
    """Yield the rows of lists that came back with what the list said of them."""
    for one in kept:
        outcome = one.outcome
        if outcome.request_id is None or outcome.row is None or outcome.probability is None:
            continue
        yield Scored(
            request_id=outcome.request_id,
            row=outcome.row,
            version=outcome.version or UNKNOWN,
            day=None,
            probability=outcome.probability,
            propensity=outcome.propensity,
            group=outcome.group or "",
            customer=outcome.customer,
            is_whole=False,
        )


def still_about(directories: Directories, *, customer: str | None, rows: Collection[Key]) -> int:
    """Return how many rows of the record and outcomes are about a customer, or are these rows.

    Args:
        directories: Where they are.
        customer: The identifier, in any spelling of it; None for none.
        rows: Request identifiers with row numbers.

    Raises:
        OSError: A file cannot be read.
    """
    wanted = None if customer is None else customer_key(customer)
    unreadable = Unreadable()
    found: Iterator[RecordedRow | Outcome] = chain(
        read_record(directories.record, unreadable),
        (one.outcome for one in read_outcomes(directories.outcomes, unreadable)),
    )
    return sum(
        (one.customer is not None and customer_key(one.customer) == wanted) or (one.request_id, one.row) in rows
        for one in found
    )
