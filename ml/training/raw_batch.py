"""Some rows of the customers' file as the transformation takes them: each feature by its distinct values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml.artifacts import Accepted
from ml.config.settings import TargetSettings, TransformSettings
from ml.data import csv_reader
from ml.data.features import FEATURES, ID, NUMERIC, RawFeatures
from ml.data.file_lines import lines_with
from ml.data.put_right import plain
from ml.data.schema import Schema
from ml.data.shards.manifest import placed
from ml.errors import DataError
from ml.training.split import ProfileHashes, is_eval, number_text
from serving.records.customer_key import WHOLE
from serving.tables.missing_values import MISSING


@dataclass(frozen=True)
class Feature:
    """A feature of n rows: `values` [d], which of them each row has (`places` [n]), and their texts for hashing [d].

    Values are text or float32; "" or NaN stands for a missing one, and its text is "".
    """

    values: NDArray[Any]
    places: NDArray[np.int32]
    texts: list[str]

    @classmethod
    def of(cls, name: str, column: pa.DictionaryArray) -> Feature:
        """Make one from a column of `read_encoded`."""
        given = column.dictionary
        missing = len(given)
        places = np.asarray(pc.fill_null(column.indices, missing).to_numpy(zero_copy_only=False), np.int32)
        if name not in NUMERIC:
            texts = [*given.to_pylist(), ""]
            return cls(np.array(texts, dtype=object), places, texts)
        numbers = csv_reader.parse_numbers(given).to_pylist()
        values = np.array([np.nan if number is None else number for number in [*numbers, None]])
        return cls(values.astype(np.float32), places, [*map(number_text, numbers), ""])


@dataclass(frozen=True)
class RawBatch:
    """Some rows: features by name, labels 0 or 1, two hashes, and whether each is an evaluation row.

    `customers` are the identifiers (`customer_keys`), where they were asked for.
    """

    features: Mapping[str, Feature]
    labels: NDArray[np.int8]
    profiles: NDArray[np.uint64]
    rows: NDArray[np.uint64]
    in_eval: NDArray[np.bool_]
    customers: pa.Array | None = None

    @cached_property
    def columns(self) -> RawFeatures:
        """The features row by row."""
        return {name: feature.values[feature.places] for name, feature in self.features.items()}


def raw_batches(
    accepted: Accepted,
    schema: Schema,
    settings: TransformSettings,
    target: TargetSettings,
    hashes: ProfileHashes,
    *,
    without: Collection[str] = (),
    only: pa.Array | None = None,
) -> Iterator[RawBatch]:
    """Yield all rows of the data set, at most `batch_rows` at a time.

    Args:
        accepted: The data set.
        schema: That of the run.
        settings: Of the split.
        target: What a positive label is.
        hashes: May be that of another pass over the same rows, which finds every profile in it.
        without: Customers whose rows are left out (`customer_keys`).
        only: Customers whose rows alone are yielded, with their identifiers; all customers without it.

    Raises:
        DataError: A label is missing.
    """
    but = pa.array(sorted(without), pa.string())
    for block in csv_reader.read_encoded(accepted.csv, name=accepted.name, schema=schema):
        customers = None
        if len(but) and ID in block.schema.names:
            block = block.filter(pc.invert(pc.is_in(customer_keys(block[ID]), value_set=but)))
        if only is not None:
            keys = customer_keys(block[ID]) if ID in block.schema.names else pa.nulls(block.num_rows, pa.string())
            chosen = pc.is_in(keys, value_set=only, skip_nulls=True)
            block, customers = block.filter(chosen), keys.filter(chosen)
        features = {name: Feature.of(name, block[name]) for name in FEATURES}
        labels = _labels(block[target.column], accepted, target)
        for start in range(0, block.num_rows, settings.batch_rows):
            rows = slice(start, start + settings.batch_rows)
            some = {name: Feature(f.values, f.places[rows], f.texts) for name, f in features.items()}
            profiles, row_hashes = hashes.of({name: (f.texts, f.places) for name, f in some.items()}, labels[rows])
            in_eval = is_eval(profiles, settings.eval_share)
            yield RawBatch(
                some, labels[rows], profiles, row_hashes, in_eval, None if customers is None else customers[rows]
            )


def customer_keys(identifiers: pa.Array) -> pa.Array:
    """Return identifiers, text [n], each in the form of `serving.records.customer_key.customer_key`."""
    return pc.replace_substring_regex(identifiers, rf"^{WHOLE.pattern}$", r"\1")


def _labels(segments: pa.Array, accepted: Accepted, target: TargetSettings) -> NDArray[np.int8]:
    if segments.null_count:
        lines = [line for line, _ in lines_with(accepted.csv, target.column, MISSING.__contains__)]
        rows = "1 row has" if segments.null_count == 1 else f"{segments.null_count} rows have"
        raise DataError(
            f"{accepted.name or accepted.csv.name}: {rows} no {target.column} ({placed(accepted.csv, lines)}).",
            "Drop or label them.",
        )
    positive = pc.is_in(plain(segments), value_set=pa.array(target.positive_segments))
    return np.asarray(positive.to_numpy(zero_copy_only=False).astype(np.int8))
