"""The rows of one shard on their way from a worker to the files of the step: read, hashed and counted, not encoded.

Encoding them takes the worker's counts and those of all others; from distinct values it costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ml.artifacts import Accepted
from ml.config.settings import TargetSettings, TransformSettings
from ml.data.features import CATEGORICAL, FEATURES
from ml.data.schema import Schema
from ml.errors import DataError
from ml.training.examples.counts import Counts
from ml.training.examples.example_files import RAW, raw_arrays
from ml.training.raw_batch import Feature, RawBatch, raw_batches
from ml.training.split import ProfileHashes, is_eval


def prepare_shard(
    csv: Path,
    out: Path,
    *,
    accepted: Accepted,
    schema: Schema,
    settings: TransformSettings,
    target: TargetSettings,
    without: Collection[str] = (),
) -> Counts:
    """Write the rows of a shard as Parquet in their order, and return their counts.

    What is wrong with the data is a `problem` of the counts: the lines of a shard mean nothing to the user. Then `out`
    is not complete.

    Args:
        csv: The shard.
        out: The Parquet file to make.
        accepted: The data set that the shard is of.
        schema: The schema of the run.
        settings: Of the split.
        target: What a positive label is.
        without: Customers whose rows are left out.
    """
    counts, hashes = Counts(), ProfileHashes(settings.salt)
    with pq.ParquetWriter(out, RAW) as writer:
        try:
            of_shard = replace(accepted, csv=csv)
            for batch in raw_batches(of_shard, schema, settings, target, hashes, without=without):
                counts.add(batch)
                everything = np.ones(len(batch.labels), dtype=bool)
                writer.write_table(pa.Table.from_arrays(raw_arrays(batch, everything), schema=RAW))
        except DataError as error:
            return Counts(problem=str(error))
    return counts


def read_rows(parquet: Path, settings: TransformSettings) -> Iterator[RawBatch]:
    """Yield the rows that `prepare_shard` wrote, at most `batch_rows` at a time; the texts for hashing are left out."""
    file: Any = pq.ParquetFile(parquet, read_dictionary=list(CATEGORICAL))
    for rows in file.iter_batches(settings.batch_rows):
        labels, profiles, hashes = (rows[name].to_numpy() for name in ("label", "profile", "row"))
        features = {name: _feature(rows[name]) for name in FEATURES}
        yield RawBatch(features, labels, profiles, hashes, is_eval(profiles, settings.eval_share))


def _feature(column: pa.Array) -> Feature:
    is_text = pa.types.is_dictionary(column.type)
    encoded = column if is_text else column.dictionary_encode()
    values = encoded.dictionary.to_numpy(zero_copy_only=False)
    return Feature(values.astype(object if is_text else np.float32), encoded.indices.to_numpy(), [])
