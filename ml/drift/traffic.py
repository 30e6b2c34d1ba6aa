"""What customers were asked about: TFDV's statistics of recorded rows, and what the model said of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pyarrow as pa

from ml.data.features import CATEGORICAL, FEATURES
from ml.data.schema import Schema
from ml.drift.distinct import Distinct
from ml.drift.recorded_values import as_category, as_number, outside
from ml.drift.thinned import Thinned
from ml.validation.counts.column import Column
from ml.validation.tfdv_statistics import Statistics
from serving.records.row import RecordedRow, Value

_ROWS_AT_ONCE = 10_000
Range = tuple[float, float]


@dataclass
class RecordedColumn:
    """What the record has of one feature.

    Attributes:
        recorded: Rows that have it, be it with a value or as a missing one.
        present: Rows with a value that training data could have.
        outside: Rows with a number that they could not have.
        no_number: Rows with a text in place of a number.
    """

    recorded: int = 0
    present: int = 0
    outside: int = 0
    no_number: int = 0


@dataclass
class Traffic:
    """Recorded rows of one version.

    Attributes:
        rows: How many there are.
        customers: How many different customers they are about.
        called: How many are called targets.
        probability: What the model said, of many rows of evenly spread ones.
        columns: By feature.
        statistics: TFDV's.
    """

    rows: int = 0
    customers: Distinct = field(default_factory=Distinct)
    called: int = 0
    probability: Thinned = field(default_factory=Thinned)
    columns: dict[str, RecordedColumn] = field(default_factory=dict)
    statistics: Statistics = field(default_factory=Statistics)


def read_traffic(
    rows: Iterable[RecordedRow], schema: Schema, *, ranges: Mapping[str, Range], threshold: float
) -> Traffic:
    """Look at rows that have a probability, in batches; memory does not grow with them.

    A number that the schema does not allow counts as missing: training data could not have it either, and one
    customer of 999 years would stretch the whole histogram. One that the training data happened not to have counts as
    the nearest that they had.

    Args:
        rows: Of one version.
        schema: The schema in force.
        ranges: The smallest and the largest value of each number in the training data.
        threshold: From which probability on a customer is called a target.
    """
    features = {feature.name: feature for feature in schema.message.feature}
    traffic = Traffic()
    traffic.columns = {name: RecordedColumn() for name in FEATURES}
    source = iter(rows)
    while batch := [*islice(source, _ROWS_AT_ONCE)]:
        traffic.rows += len(batch)
        for row in batch:
            traffic.customers.add(_customer(row))
            probability = row.probability if row.probability is not None else 0.0
            traffic.called += probability >= threshold
            traffic.probability.add(probability)
        lists = {}
        for name, column in traffic.columns.items():
            values = [row.features.get(name) for row in batch]
            column.recorded += sum(value is not None for value in values)
            array = (
                _categories(values)
                if name in CATEGORICAL
                else _numbers(values, column, features.get(name), ranges.get(name))
            )
            column.present += len(array) - array.null_count
            lists[name] = Column.of(array).as_lists()
        traffic.statistics.add(lists)
    traffic.statistics.add(_ends(ranges))
    return traffic


def _ends(ranges: Mapping[str, Range]) -> dict[str, pa.Array]:
    """Return two rows with the ends of each range, so that the histograms of both sides have the same edges."""
    ends: dict[str, pa.Array] = {}
    for name in FEATURES:
        kind = pa.string() if name in CATEGORICAL else pa.float64()
        ends[name] = Column.of(pa.array(ranges.get(name, (None, None)), kind)).as_lists()
    return ends


def _customer(row: RecordedRow) -> str:
    """What tells a customer from others: who scores the same list every day has no more customers for it."""
    if row.customer is not None:
        return f"customer {row.customer}"
    return json.dumps(sorted(row.features.items()), default=str)


def _categories(values: Sequence[Value]) -> pa.Array:
    return pa.array([as_category(value) for value in values], pa.string())


def _numbers(values: Sequence[Value], column: RecordedColumn, feature: Any, within: Range | None) -> pa.Array:
    found: list[float | None] = []
    for value in values:
        try:
            number = as_number(value)
        except ValueError:
            column.no_number += 1
            number = None
        if number is not None and feature is not None and outside(number, feature):
            column.outside += 1
            number = None
        if number is not None and within is not None:
            number = min(max(number, within[0]), within[1])
        found.append(number)
    return pa.array(found, pa.float64())
