"""Identifiers sorted by ranges: each worker has those of one range, and no process has all."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml.validation.counts.identifiers import Identifiers, repeated, rising
from ml.validation.leakage import Classes, Neighbours, OrderCounts, Power, neighbours

SAMPLED = 200
"""Identifiers of each shard that the ranges are made by."""
CHUNK_ROWS = 1 << 16
_GOLDEN_RATIO = 0.6180339887498949


@dataclass(frozen=True)
class Chunk:
    """Rows of one shard in the order of their identifiers, as they are sent to the worker of a range.

    Attributes:
        shard: Its number.
        number: That of the chunk in the shard, rising with the identifiers.
        labelled: How many rows have a label.
        table: An Arrow stream of the columns `identifier`, `label` (int8, a code of the shard, -1 without one) and
            `place` (int32, the row's among those of the shard that have an identifier).
    """

    shard: int
    number: int
    labelled: int
    table: bytes

    @classmethod
    def of(cls, shard: int, number: int, rows: pa.RecordBatch) -> Chunk:
        """Make one of rows with these columns."""
        return cls(shard, number, pc.sum(pc.greater_equal(rows["label"], 0)).as_py() or 0, stream(rows))

    def cut(self, boundaries: pa.Array) -> Iterator[tuple[int, Chunk]]:
        """Yield the rows of each range, with its number; equal identifiers are in one range."""
        rows = batch(self.table)
        ends = [*_places(rows["identifier"], boundaries), rows.num_rows]
        begin = 0
        for number, end in enumerate(ends):
            if end > begin:
                yield number, Chunk.of(self.shard, self.number, rows.slice(begin, end - begin))
            begin = end


def chunks(shard: int, identifiers: Identifiers) -> Iterator[Chunk]:
    """Yield the rows of a shard."""
    ordered, places = identifiers.in_order
    columns = [ordered, pa.array(identifiers.labels), pa.array(places.astype(np.int32))]
    rows = pa.RecordBatch.from_arrays(columns, names=["identifier", "label", "place"])
    for number, begin in enumerate(range(0, rows.num_rows, CHUNK_ROWS)):
        yield Chunk.of(shard, number, rows.slice(begin, CHUNK_ROWS))


def sample(shard: int, identifiers: Identifiers) -> pa.Array:
    """Return `SAMPLED` identifiers of a shard, one of each part of equal size; all if it has no more.

    Where in the part differs from shard to shard (by the golden ratio), so that many shards with the same identifiers
    make even ranges, too.
    """
    ordered, _ = identifiers.in_order
    count = min(len(ordered), SAMPLED)
    places = (np.arange(count) + shard * _GOLDEN_RATIO % 1) * (len(ordered) / max(1, count))
    return ordered.take(pa.array(places.astype(np.int64)))


def boundaries(samples: Sequence[pa.Array], rows: Sequence[int], *, rows_a_range: int) -> pa.Array:
    """Return the first identifier of every range but the first, by the samples of shards with so many `rows`."""
    weights = np.concatenate([np.full(len(one), n / max(1, len(one))) for one, n in zip(samples, rows, strict=True)])
    ordered, places = rising(pa.concat_arrays(samples))
    until = np.cumsum(weights[places])
    count = -(-sum(rows) // rows_a_range)
    return ordered.take(pa.array(np.searchsorted(until, np.arange(1, count) * sum(rows) / max(1, count)), pa.int64()))


@dataclass(frozen=True)
class RangeCounts:
    """What is counted of the identifiers of a range.

    Attributes:
        repeated: How many rows have one that others have, too.
        first: The first of these identifiers in the data.
        places: Where each of them first stands: number of the shard times 2^32, and place in it.
        order: What is counted of the rows with a label.
    """

    repeated: int
    first: pa.Array
    places: NDArray[np.int64]
    order: OrderCounts

    @classmethod
    def of(
        cls,
        found: Sequence[Chunk],
        codes: Sequence[NDArray[np.int8]],
        *,
        classes: int,
        before: int,
        rows: int,
        at_most: int,
    ) -> RangeCounts:
        """Sort the rows of a range, and count them.

        Args:
            found: All of them.
            codes: The code in all data of each code of a shard, and last -1; by its number.
            classes: How many classes there are.
            before: How many rows with a label have a smaller identifier than any of these.
            rows: How many rows have a label.
            at_most: How many repeated identifiers are looked for.
        """
        parts = sorted(found, key=lambda chunk: (chunk.shard, chunk.number))
        tables = [batch(chunk.table) for chunk in parts]
        ordered, order = rising(pa.concat_arrays([table["identifier"] for table in tables]))
        labels = np.concatenate(
            [codes[chunk.shard][np.asarray(table["label"])] for chunk, table in zip(parts, tables, strict=True)]
        )[order]
        places = np.concatenate(
            [
                np.asarray(table["place"], np.int64) + (chunk.shard << 32)
                for chunk, table in zip(parts, tables, strict=True)
            ]
        )[order]
        count, first = repeated(ordered, places, at_most)
        counted = OrderCounts.of(labels[labels >= 0], classes, before=before, rows=rows)
        return cls(count, ordered.take(pa.array(first)), places[first], counted)


class RangedIdentifiers:
    """The identifiers of all rows by what was counted of each range, in their order."""

    def __init__(self, ranges: Sequence[RangeCounts]) -> None:
        self._ranges = ranges

    def duplicates(self, at_most: int) -> tuple[int, pa.Array]:
        """Return the number of rows whose identifier occurs more than once, and the first of these identifiers."""
        if not self._ranges:
            return 0, pa.nulls(0, pa.int64())
        places = np.concatenate([one.places for one in self._ranges])
        first = pa.concat_arrays([one.first for one in self._ranges])
        return sum(one.repeated for one in self._ranges), first.take(pa.array(np.argsort(places)[:at_most]))

    def order(self, classes: Classes) -> tuple[Neighbours | None, Power | None]:
        """Return what the order of the identifiers says about the labels, as `ml.validation.leakage.neighbours`."""
        none = OrderCounts.of(np.zeros(0, np.int8), len(classes.names), before=0, rows=0)
        return neighbours(reduce(OrderCounts.followed_by, (one.order for one in self._ranges), none), classes)


def stream(rows: pa.RecordBatch) -> bytes:
    """Return rows as an Arrow stream, without what a slice of them leaves out."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_batch(rows)
    return bytes(sink.getvalue())


def batch(table: bytes) -> pa.RecordBatch:
    """Return the rows of a stream that `stream` made."""
    with pa.ipc.open_stream(table) as reader:
        return reader.read_next_batch()


def _places(ordered: pa.Array, values: pa.Array) -> list[int]:
    """Return for each of the rising values how many of the sorted identifiers are smaller, by the order of `rising`."""
    if not pa.types.is_large_string(ordered.type):
        return [*map(int, np.searchsorted(np.asarray(ordered), np.asarray(values)))]  # whose last number is NaN, too
    texts = [text.encode() for text in values.to_pylist()]
    return [bisect_left(range(len(ordered)), text, key=lambda place: ordered[place].as_py().encode()) for text in texts]
