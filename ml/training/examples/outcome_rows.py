"""The rows that outcomes add to the training side, and which rows of the data they stand in for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.artifacts import Accepted
from ml.config.settings import TargetSettings, TransformSettings
from ml.data import csv_reader
from ml.data.features import FEATURES, ID
from ml.data.outcomes.outcome_rows import LABEL, NAME, outcomes_beside
from ml.data.put_right import plain
from ml.data.schema import Schema
from ml.training.raw_batch import Feature, RawBatch, customer_keys, raw_batches
from ml.training.split import ProfileHashes, is_eval


@dataclass(frozen=True)
class OutcomeRows:
    """What outcomes change about the training side. The evaluation side they never touch.

    Attributes:
        batches: The rows that join, none of them an evaluation row.
        replaced: Customers whose rows of the data they stand in for; none of them is on the evaluation side.
        replaced_rows: How many rows that are.
        held_back: How many outcomes do not join, since the customer, or another one with the same features, is on the
            evaluation side.
    """

    batches: tuple[RawBatch, ...] = ()
    replaced: frozenset[str] = frozenset()
    replaced_rows: int = 0
    held_back: int = 0

    @property
    def rows(self) -> int:
        """How many rows join."""
        return sum(len(batch.labels) for batch in self.batches)


@dataclass
class _Known:
    """The customers with an outcome whom the data have, too: how many rows on each side of the split."""

    train: dict[str, int] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)


def outcome_rows(
    accepted: Accepted, *, schema: Schema, settings: TransformSettings, target: TargetSettings
) -> OutcomeRows:
    """Return the rows that outcomes add to a data set; there are none when there is no such file beside it.

    A customer on the evaluation side stays there with the label of the data, so that candidates of all runs are
    compared on the same rows; her outcome does not join. On the training side the outcome stands in for the customer's
    rows of the data: it is newer, and says what happened.

    Raises:
        DataError: A file cannot be read.
    """
    path = outcomes_beside(accepted.csv)
    if path is None:
        return OutcomeRows()
    blocks = list(csv_reader.read_encoded(path, name=NAME, schema=schema))
    customers = pa.concat_arrays([customer_keys(block[ID]) for block in blocks])
    known = _known(accepted, customers, schema, settings, target)
    batches, held_back, joined = [], 0, set()
    held = pa.array(sorted(known.held), pa.string())
    for block in blocks:
        keys = customer_keys(block[ID])
        batch = _batch(block, settings, target)
        joins = ~(batch.in_eval | pc.is_in(keys, value_set=held).to_numpy(zero_copy_only=False))
        held_back += int((~joins).sum())
        joined |= set(keys.filter(pa.array(joins)).to_pylist())
        batches.append(_only(batch, joins))
    replaced = frozenset(known.train.keys() & joined)
    rows = sum(known.train[customer] for customer in replaced)
    return OutcomeRows(tuple(batch for batch in batches if len(batch.labels)), replaced, rows, held_back)


def _known(
    accepted: Accepted, customers: pa.Array, schema: Schema, settings: TransformSettings, target: TargetSettings
) -> _Known:
    found = _Known()
    hashes = ProfileHashes(settings.salt)
    for batch in raw_batches(accepted, schema, settings, target, hashes, only=customers):
        assert batch.customers is not None  # noqa: S101 - they were asked for
        for customer, in_eval in zip(batch.customers.to_pylist(), batch.in_eval.tolist(), strict=True):
            if in_eval:
                found.held.add(customer)
            else:
                found.train[customer] = found.train.get(customer, 0) + 1
    return found


def _batch(block: pa.RecordBatch, settings: TransformSettings, target: TargetSettings) -> RawBatch:
    features = {name: Feature.of(name, block[name]) for name in FEATURES}
    labels = np.asarray(pc.equal(plain(block[LABEL]), "/".join(target.positive_segments)).to_numpy(False), np.int8)
    texts = {name: (feature.texts, feature.places) for name, feature in features.items()}
    profiles, rows = ProfileHashes(settings.salt).of(texts, labels)
    return RawBatch(features, labels, profiles, rows, is_eval(profiles, settings.eval_share))


def _only(batch: RawBatch, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> RawBatch:
    features = {name: replace(one, places=one.places[chosen]) for name, one in batch.features.items()}
    return RawBatch(features, batch.labels[chosen], batch.profiles[chosen], batch.rows[chosen], batch.in_eval[chosen])
