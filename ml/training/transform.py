"""Transformation: split by profile, fit the encoding on train only, write both sides as Parquet, batch by batch."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ml.artifacts import Accepted, Examples
from ml.config.settings import TargetSettings, TransformSettings
from ml.data.features import FEATURES, NUMERIC, RawFeatures, transformed
from ml.data.schema import Schema
from ml.errors import DataError
from ml.storage import files
from ml.storage.progress import Progress
from ml.training.preprocessing import Encoding, Fitter, Floats
from ml.training.raw_batch import RawBatch, raw_batches
from ml.training.split import ProfileHashes
from ml.training.split_check import require_apart

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingSide:
    """The rows of the training side: raw features by name, labels 0 or 1 [n], profile hashes [n]."""

    columns: RawFeatures
    labels: NDArray[np.int8]
    profiles: NDArray[np.uint64]


def transform(
    accepted: Accepted, *, schema: Schema, settings: TransformSettings, target: TargetSettings, out: Path
) -> Examples:
    """Write `train.parquet`, `eval.parquet` and `encoding.json` into `out`.

    The files hold the raw features (text, "" where missing; float32, NaN where missing), `label` (int8), two hashes
    (uint64: `profile` of the features, `row` of features and label) and `NAME_xf`, a fixed-size list of float32 for
    every feature. The data are read twice; never more than a block of the file is in memory, and `batch_rows` rows of
    what is written. Categories are spelled as `schema` does, the one of the run.

    Raises:
        DataError: A label is missing, or one side of the split is empty.
        FinalError: A profile is on both sides.
    """
    fitter, rows, hashes = Fitter(), {"train": 0, "eval": 0}, ProfileHashes(settings.salt)
    batches = raw_batches(accepted, schema, settings, target, hashes)
    for batch in _watched(batches, "transform, pass 1 of 2", accepted.rows):
        for name, feature in batch.features.items():
            counts = np.bincount(feature.places[~batch.in_eval], minlength=len(feature.values))
            fitter.count(name, feature.values, counts)
        rows["eval"] += int(batch.in_eval.sum())
        rows["train"] += int((~batch.in_eval).sum())
    for side, count in rows.items():
        if not count:
            raise _empty(side, sum(rows.values()), settings)
    encoding = fitter.fitted()
    encoding.write(out / "encoding.json")
    batches = raw_batches(accepted, schema, settings, target, hashes)
    _write(_watched(batches, "transform, pass 2 of 2", accepted.rows), encoding, out)
    require_apart(out / "train.parquet", out / "eval.parquet")
    log.info("%d train rows, %d eval rows, %d inputs", rows["train"], rows["eval"], encoding.width)
    sha256 = files.sha256_tree(out)
    return Examples(out, sha256, sum(rows.values()), rows["train"], rows["eval"])


def training_side(
    accepted: Accepted, *, schema: Schema, settings: TransformSettings, target: TargetSettings
) -> TrainingSide:
    """Return the rows that `transform` would write as `train.parquet`; no value of an evaluation row is kept.

    Raises:
        DataError: A label is missing, or the training side is empty.
    """
    batches = raw_batches(accepted, schema, settings, target, ProfileHashes(settings.salt))
    kept = [(batch, ~batch.in_eval) for batch in batches]
    if not any(mask.any() for _, mask in kept):
        raise _empty("train", sum(len(mask) for _, mask in kept), settings)
    return TrainingSide(
        {name: np.concatenate([batch.columns[name][mask] for batch, mask in kept]) for name in FEATURES},
        np.concatenate([batch.labels[mask] for batch, mask in kept]),
        np.concatenate([batch.profiles[mask] for batch, mask in kept]),
    )


def _watched(batches: Iterator[RawBatch], what: str, rows: int) -> Iterator[RawBatch]:
    """Yield the batches, and tell how far their work has come once whoever takes them has done it."""
    with Progress(what, rows) as progress:
        for batch in batches:
            yield batch
            progress.advance(len(batch.labels))


def _empty(side: str, rows: int, settings: TransformSettings) -> DataError:
    return DataError(
        f"The {side} side of the split is empty ({rows} rows, share {settings.eval_share}).",
        "Get more data, or change transform.eval_share.",
    )


def _write(batches: Iterator[RawBatch], encoding: Encoding, out: Path) -> None:
    columns = _schema(encoding)
    with (
        pq.ParquetWriter(out / "train.parquet", columns) as train,
        pq.ParquetWriter(out / "eval.parquet", columns) as held,
    ):
        for batch in batches:
            inputs = encoding.apply({name: feature.values for name, feature in batch.features.items()})
            for writer, mask in ((train, ~batch.in_eval), (held, batch.in_eval)):
                if mask.any():
                    writer.write_table(pa.Table.from_arrays(_arrays(batch, mask, inputs), schema=columns))


def _schema(encoding: Encoding) -> pa.Schema:
    raw = [(name, pa.float32() if name in NUMERIC else pa.string()) for name in FEATURES]
    fitted = [(transformed(f.name), pa.list_(pa.float32(), f.width)) for f in encoding.features]
    return pa.schema([*raw, ("label", pa.int8()), ("profile", pa.uint64()), ("row", pa.uint64()), *fitted])


def _arrays(batch: RawBatch, mask: NDArray[np.bool_], inputs: Mapping[str, Floats]) -> list[pa.Array]:
    """Return the columns of the rows in `mask`; `inputs` are those of each feature's distinct values."""
    raw, lists = [], []
    for name, feature in batch.features.items():
        places = feature.places[mask]
        raw.append(pa.array(feature.values, pa.float32() if name in NUMERIC else pa.string()).take(pa.array(places)))
        numbers = inputs[transformed(name)]
        lists.append(pa.FixedSizeListArray.from_arrays(pa.array(numbers[places].reshape(-1)), numbers.shape[1]))
    hashes = [pa.array(batch.profiles[mask]), pa.array(batch.rows[mask])]
    return [*raw, pa.array(batch.labels[mask]), *hashes, *lists]
