"""Counting shards of a data set in workers: what each counts, and what all have to agree on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml.config.settings import TargetSettings
from ml.data.csv_reader import read_encoded
from ml.data.put_right import PutRight
from ml.data.schema import Schema
from ml.errors import DataError
from ml.validation.counts.dataset_counts import USUAL, DatasetCounts, OtherwiseError, Types
from ml.validation.counts.identifier_ranges import Chunk, RangeCounts, boundaries, chunks, sample
from ml.validation.counts.label_codes import LabelCodes, TooManyClasses


@dataclass(frozen=True)
class ShardCounts:
    """The counts of a shard, without its identifiers, and what reading it put right."""

    counts: DatasetCounts
    put_right: PutRight


@dataclass(frozen=True)
class ShardSummary:
    """What the other workers have to know of a shard.

    Attributes:
        number: Its place among the shards.
        refused: Why it cannot be read; "" if it can.
        rows: How many rows were read, those without any feature among them.
        labelled: How many rows have a label.
        types: What its rows show.
        labels: The codes of its labels; None without a column of labels.
        identifiers: How many rows have an identifier; None without a column of them.
        sample: Some of these, as `ml.validation.counts.identifier_ranges.sample`.
    """

    number: int
    refused: str = ""
    rows: int = 0
    labelled: int = 0
    types: Types = USUAL
    labels: LabelCodes | None = None
    identifiers: int | None = None
    sample: pa.Array | None = None


@dataclass(frozen=True)
class Plan:
    """What all workers agree on once every shard is read.

    Attributes:
        summaries: Of all shards, in their order.
        types: What all rows show.
        holds: Whether that is what the shards were counted with; else they have to be counted anew.
        codes: For each shard the codes in all data of its codes, and last -1.
        classes: How many classes there are.
        boundaries: The first identifiers of all ranges but the first.
    """

    summaries: tuple[ShardSummary, ...]
    types: Types
    holds: bool
    codes: tuple[NDArray[np.int8], ...] = ()
    classes: int = 0
    boundaries: pa.Array | None = None

    @property
    def labelled_before(self) -> tuple[int, ...]:
        """How many rows with a label stand before each shard."""
        return before([one.labelled for one in self.summaries])


@dataclass(frozen=True)
class ShardCounting:
    """The functions that workers count with (`ml.beam.counts`), and what they take for granted until a shard is read.

    Attributes:
        schema: The one of the run.
        target: What the label is.
        max_examples: How many examples are kept of everything.
        types: As what the columns are taken.
        labelled_before: How many rows with a label stand before each shard.
        rows_a_range: How many identifiers are sorted together.
    """

    schema: Schema
    target: TargetSettings
    max_examples: int
    types: Types
    labelled_before: tuple[int, ...]
    rows_a_range: int

    def shard(self, number: int, path: Path) -> tuple[ShardCounts | None, ShardSummary, Iterable[Chunk]]:
        """Count a shard, and return its counts, what the others have to know of it, and its identifiers.

        What shows that the columns have other types than was taken for granted is not counted, but only what types they
        have. So is a shard that cannot be read.
        """
        types = self.types
        while True:
            counts, put_right = self._none(types, self.labelled_before[number]), PutRight()
            try:
                for batch in read_encoded(path, put_right, schema=self.schema):
                    counts.add(batch)
            except OtherwiseError as otherwise:
                types = otherwise.types
            except DataError as error:
                return None, ShardSummary(number, refused=str(error)), ()
            else:
                break
        summary = ShardSummary(
            number,
            rows=counts.rows + put_right.without_features,
            labelled=counts.labelled,
            types=types,
            labels=counts.sentinel.labels,
        )
        if types != self.types:
            return None, summary, ()
        identifiers, counts.sentinel.sorted_here = counts.sentinel.sorted_here, None
        if identifiers is None:
            return ShardCounts(counts, put_right), summary, ()
        rows = len(identifiers.in_order[0])
        summary = replace(summary, identifiers=rows, sample=sample(number, identifiers))
        return ShardCounts(counts, put_right), summary, chunks(number, identifiers)

    def plan(self, summaries: Iterable[ShardSummary]) -> Plan:
        """Return what the shards are together, in whatever order they come."""
        found = tuple(sorted(summaries, key=lambda one: one.number))
        types = self.types
        for one in found:
            types |= one.types
        labels, codes = LabelCodes(self.target, as_target=not types.classes), []
        try:
            for one in found if types == self.types else ():
                there = labels.merge(one.labels) if one.labels is not None else np.zeros(0, np.int64)
                codes.append(np.append(there, -1).astype(np.int8))
        except TooManyClasses:
            types = replace(types, classes=False)
        filled = [one for one in found if one.rows]  # others show neither labels nor identifiers
        known = all(one.labels is not None for one in filled)
        plan = Plan(found, types, holds=types == self.types and not any(one.refused for one in found))
        plan = replace(plan, holds=plan.holds and (not known or plan.labelled_before == self.labelled_before))
        if not plan.holds or not filled or any(one.sample is None for one in filled):
            return plan
        first = boundaries(
            [one.sample for one in filled], [one.identifiers or 0 for one in filled], rows_a_range=self.rows_a_range
        )
        return replace(plan, codes=tuple(codes), classes=labels.width, boundaries=first)

    def cut(self, chunk: Chunk, plan: Plan) -> Iterator[tuple[int, Chunk]]:
        """Yield the identifiers of each range that are in a chunk, with the number of the range."""
        if plan.boundaries is not None:
            yield from chunk.cut(plan.boundaries)

    def labelled(self, chunk: Chunk) -> int:
        """Return how many rows of a chunk have a label."""
        return chunk.labelled

    def range(self, found: Sequence[Chunk], plan: Plan, before: int, rows: int) -> RangeCounts:
        """Count the identifiers of a range, before which so many labelled rows of all `rows` stand."""
        return RangeCounts.of(
            found, plan.codes, classes=plan.classes, before=before, rows=rows, at_most=self.max_examples
        )

    def merged(self, found: Iterable[ShardCounts]) -> ShardCounts:
        """Return the counts of all shards, which come in their order, without identifiers."""
        whole = ShardCounts(self._none(self.types, 0), PutRight())
        for one in found:
            whole.counts.merge(one.counts)
            whole.put_right.merge(one.put_right)
        return whole

    def _none(self, types: Types, labelled_before: int) -> DatasetCounts:
        return DatasetCounts(self.schema, self.target, self.max_examples, types, labelled_before)


def before(rows: Sequence[int]) -> tuple[int, ...]:
    """Return how many rows stand before each part of so many rows."""
    return tuple(int(count) for count in np.cumsum([0, *rows])[:-1])
