"""Identifiers sorted by ranges tell what those tell that are sorted together, whatever they are."""

from __future__ import annotations

import pickle
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from ml.validation.counts.identifier_ranges import Chunk, RangeCounts, RangedIdentifiers, boundaries, chunks, sample
from ml.validation.counts.identifiers import Identifiers
from ml.validation.leakage import Classes

ROWS = 6000
CLASSES = Classes(["A", "B", "D"], np.array([False, False, True]))
RANDOM = np.random.Generator(np.random.PCG64(3))
ODD = [float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 1e300]
KINDS = {
    "rising": pa.array(np.arange(ROWS)),
    "random": pa.array(RANDOM.permutation(ROWS)),
    "many twice": pa.array(RANDOM.integers(0, ROWS // 2, ROWS)),
    "large and negative": pa.array(RANDOM.integers(-(2**62), 2**62, ROWS)),
    "one value": pa.array(np.full(ROWS, 7)),
    "a few values": pa.array(RANDOM.integers(0, 5, ROWS)),
    "numbers": pa.array(np.where(RANDOM.random(ROWS) < 0.1, RANDOM.choice(ODD, ROWS), RANDOM.normal(size=ROWS))),
    "not a number": pa.array(np.where(RANDOM.random(ROWS) < 0.6, np.nan, RANDOM.normal(size=ROWS))),
    "texts": pa.array([f"{'kunde' if n % 3 else 'Künde😀ﬁ'[: n % 9]} {n % 5000}" for n in RANDOM.permutation(ROWS)]),
}


def by_ranges(parts: list[tuple[pa.Array, np.ndarray]], rows_a_range: int) -> tuple[RangedIdentifiers, int]:  # type: ignore[type-arg]
    """Those of the shards, each with codes of its own: in the order 2, 1, 0 for every second one."""
    shards: list[Identifiers] = []
    codes = []
    for identifiers, labels in parts:
        turned = len(shards) % 2 == 1
        shards.append(Identifiers())
        shards[-1].add(identifiers, np.where(labels < 0, -1, 2 - labels if turned else labels).astype(np.int8))
        codes.append(np.array([2, 1, 0, -1] if turned else [0, 1, 2, -1], np.int8))
    sizes = [len(identifiers) for identifiers, _ in parts]
    cuts = boundaries([sample(n, shard) for n, shard in enumerate(shards)], sizes, rows_a_range=rows_a_range)
    found: dict[int, list[Chunk]] = {}
    for number, shard in reversed([*enumerate(shards)]):  # the order in which they come is the runner's
        for chunk in chunks(number, shard):
            for place, piece in chunk.cut(cuts):
                found.setdefault(place, []).append(pickle.loads(pickle.dumps(piece)))
    rows, before, ranges = sum(int((labels >= 0).sum()) for _, labels in parts), 0, []
    for _, pieces in sorted(found.items()):
        ranges.append(RangeCounts.of(pieces, codes, classes=3, before=before, rows=rows, at_most=10))
        before += sum(piece.labelled for piece in pieces)
    return RangedIdentifiers(ranges), len(found)


@pytest.mark.parametrize("rows_a_range", [100, 1000, 10_000])
@pytest.mark.parametrize("kind", KINDS)
def test_ranges_tell_what_the_whole_tells(monkeypatch: pytest.MonkeyPatch, kind: str, rows_a_range: int) -> None:
    monkeypatch.setattr("ml.validation.counts.identifier_ranges.CHUNK_ROWS", 300)
    column, labels = KINDS[kind], np.random.Generator(np.random.PCG64(4)).integers(-1, 3, ROWS).astype(np.int8)
    whole = Identifiers()
    whole.add(column, labels)
    cuts = [0, 700, 700, 3000, 3001, ROWS]
    found, ranges = by_ranges([(column[a:b], labels[a:b]) for a, b in pairwise(cuts)], rows_a_range)
    if kind in ("rising", "random", "large and negative", "texts"):
        assert ranges == -(-ROWS // rows_a_range)
    ours, theirs = found.duplicates(10), whole.duplicates(10)
    assert (ours[0], repr(ours[1].to_pylist())) == (theirs[0], repr(theirs[1].to_pylist()))
    assert found.order(CLASSES) == whole.order(CLASSES)
    assert found.order(CLASSES)[0] is not None


def test_many_shards_with_the_same_identifiers_make_even_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml.validation.counts.identifier_ranges.SAMPLED", 4)
    column, labels = pa.array(np.arange(1000)), np.zeros(1000, np.int8)
    found, ranges = by_ranges([(column, labels)] * 50, 2500)
    assert ranges == 20
    sizes = [one.order.by_class.sum() for one in found._ranges]
    assert max(sizes) < 1.5 * 2500


def test_no_identifier_at_all_is_none_twice() -> None:
    found, ranges = by_ranges([(pa.array([], pa.int64()), np.zeros(0, np.int8))] * 2, 10)
    assert (ranges, found.duplicates(10)[0], found.order(CLASSES)) == (0, 0, (None, None))
