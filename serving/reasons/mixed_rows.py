"""The rows of all coalitions: some features from a customer, the others from a background row, each row only once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Columns: TypeAlias = "Mapping[str, NDArray[Any]]"
Predict: TypeAlias = "Callable[[Columns], NDArray[Any]]"
Codes = NDArray[np.int64]

MOST_MIXED = 1 << 21
"""Mixed rows of one block, before the equal ones among them are found: what it takes in memory is bounded by that."""
_LARGEST = 1 << 62


@dataclass(frozen=True)
class Rows:
    """Customers and background rows, each value as its place among the distinct ones of its feature.

    Attributes:
        customers: Shape [n, F].
        background: Shape [m, F].
        distinct: The distinct values of each feature.
    """

    customers: Codes
    background: Codes
    distinct: tuple[NDArray[Any], ...]

    @classmethod
    def of(cls, customers: Columns, background: Columns) -> Rows:
        """Code the values of both; a missing number equals another missing one.

        Raises:
            ValueError: They have other features, or one has no row.
        """
        if {*customers} != {*background}:
            raise ValueError(f"the features {sorted(background)} and not {sorted(customers)} are in the background")
        n, m = ({len(column) for column in columns.values()} for columns in (customers, background))
        if len(n) != 1 or len(m) != 1 or 0 in (*n, *m):
            raise ValueError("customers and background need at least one row, and equally many values of each feature")
        codes, distinct = [], []
        for name, column in customers.items():
            both = np.concatenate([column, background[name]])
            values, places = np.unique(both, return_inverse=True)
            codes.append(places.astype(np.int64))
            distinct.append(values)
        stacked = np.stack(codes, axis=1)
        count = n.pop()
        return cls(stacked[:count], stacked[count:], tuple(distinct))


@dataclass(frozen=True)
class Group:
    """The p pairs of a block that differ in the same features.

    Attributes:
        players: The numbers of these features, rising.
        customer: The number of the customer of each pair, shape [p].
        row: The number of the background row, shape [p].
        places: Where the mixed row of each coalition stands among the distinct ones, shape [p, 2^d]; bit i of the
            coalition says whether feature `players[i]` is the customer's.
    """

    players: tuple[int, ...]
    customer: Codes
    row: Codes
    places: Codes


@dataclass(frozen=True)
class MixedRows:
    """The mixed rows of a block of pairs.

    Attributes:
        codes: The k distinct ones, coded as in `Rows`, shape [k, F].
        groups: Which of them belong to which pair; every pair is in one group.
    """

    codes: Codes
    groups: tuple[Group, ...]

    def columns(self, rows: Rows, names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Return the values of the distinct rows by feature, each of shape [k]."""
        return {name: rows.distinct[f][self.codes[:, f]] for f, name in enumerate(names)}


def mixed_rows(rows: Rows) -> Iterator[MixedRows]:
    """Yield the mixed rows of all pairs, block by block; a block has at most `MOST_MIXED`, or those of one pair."""
    most = max(1, MOST_MIXED >> rows.customers.shape[1])
    across = min(len(rows.background), most)
    down = max(1, most // across)
    for first in range(0, len(rows.background), across):
        for start in range(0, len(rows.customers), down):
            yield _block(rows, slice(start, start + down), slice(first, first + across))


def _block(rows: Rows, down: slice, across: slice) -> MixedRows:
    x, z = rows.customers[down], rows.background[across]
    bits = 1 << np.arange(x.shape[1])
    differs = (x[:, None, :] != z[None, :, :]) @ bits
    pairs = []
    for mask in np.unique(differs).tolist():
        customer, row = np.nonzero(differs == mask)
        pairs.append((tuple(np.flatnonzero(mask & bits).tolist()), customer, row))
    ends = np.cumsum([len(customer) << len(players) for players, customer, _ in pairs]).tolist()
    keys = np.zeros(ends[-1], dtype=np.int64)
    views = [
        keys[start:end].reshape(len(customer), -1)
        for start, end, (_, customer, _) in zip([0, *ends], ends, pairs, strict=False)
    ]
    size = 1
    for f, distinct in enumerate(rows.distinct):
        if size * len(distinct) > _LARGEST:
            keys[:] = np.unique(keys, return_inverse=True)[1]
            size = len(keys)
        size *= len(distinct)
        for view, (players, customer, row) in zip(views, pairs, strict=True):
            view *= len(distinct)
            view += _codes(f, players, x[customer, f], z[row, f])
    _, examples, places = np.unique(keys, return_index=True, return_inverse=True)
    codes = np.empty((len(examples), x.shape[1]), dtype=np.int64)
    order = np.argsort(examples)
    bounds = np.searchsorted(examples[order], [0, *ends]).tolist()
    groups = []
    for number, (players, customer, row) in enumerate(pairs):
        end, of_group = ends[number], order[bounds[number] : bounds[number + 1]]
        start = end - views[number].size
        pair, coalition = np.divmod(examples[of_group] - start, 1 << len(players))
        codes[of_group] = z[row[pair]]
        for i, f in enumerate(players):
            codes[of_group, f] = np.where((coalition >> i) & 1, x[customer[pair], f], codes[of_group, f])
        groups.append(
            Group(players, customer + down.start, row + across.start, places[start:end].reshape(views[number].shape))
        )
    return MixedRows(codes, tuple(groups))


def _codes(f: int, players: tuple[int, ...], x: Codes, z: Codes) -> Codes:
    """Return the codes of one feature in all coalitions of pairs, shape [p, 2^d], or [p, 1] where the two agree."""
    if f not in players:
        return z[:, None]
    holds = (np.arange(1 << len(players)) >> players.index(f)) & 1 == 1
    return np.where(holds[None, :], x[:, None], z[:, None])
