"""Transformation: split by profile, fit the encoding on train only, write both sides as Parquet, batch by batch."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ml.artifacts import Accepted, Examples
from ml.config.settings import TargetSettings, TransformSettings
from ml.data import csv_reader
from ml.data.features import FEATURES, NUMERIC, RawFeatures, transformed
from ml.data.file_lines import lines_with
from ml.data.schema import Schema
from ml.errors import DataError
from ml.storage import files
from ml.training.preprocessing import Encoding, Fitter
from ml.training.split import is_eval, profile_hashes, row_hashes
from ml.training.split_check import require_apart
from serving.tables.missing_values import MISSING

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Batch:
    """Some rows: raw features by name, labels 0 or 1, two hashes, and whether each is an evaluation row."""

    columns: RawFeatures
    labels: NDArray[np.int8]
    profiles: NDArray[np.uint64]
    rows: NDArray[np.uint64]
    in_eval: NDArray[np.bool_]


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
    every feature. The data are read twice, and never more than `batch_rows` rows are in memory at a time. Categories
    are spelled as `schema` does, the one of the run.

    Raises:
        DataError: A label is missing, or one side of the split is empty.
        FinalError: A profile is on both sides.
    """
    fitter, rows = Fitter(), {"train": 0, "eval": 0}
    for batch in _batches(accepted, schema, settings, target):
        fitter.add({name: column[~batch.in_eval] for name, column in batch.columns.items()})
        rows["eval"] += int(batch.in_eval.sum())
        rows["train"] += int((~batch.in_eval).sum())
    for side, count in rows.items():
        if not count:
            raise _empty(side, sum(rows.values()), settings)
    encoding = fitter.fitted()
    encoding.write(out / "encoding.json")
    _write(accepted, schema, encoding, settings, target, out)
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
    kept = [(batch, ~batch.in_eval) for batch in _batches(accepted, schema, settings, target)]
    if not any(mask.any() for _, mask in kept):
        raise _empty("train", sum(len(mask) for _, mask in kept), settings)
    return TrainingSide(
        {name: np.concatenate([batch.columns[name][mask] for batch, mask in kept]) for name in FEATURES},
        np.concatenate([batch.labels[mask] for batch, mask in kept]),
        np.concatenate([batch.profiles[mask] for batch, mask in kept]),
    )


def _empty(side: str, rows: int, settings: TransformSettings) -> DataError:
    return DataError(
        f"The {side} side of the split is empty ({rows} rows, share {settings.eval_share}).",
        "Get more data, or change transform.eval_share.",
    )


def _batches(
    accepted: Accepted, schema: Schema, settings: TransformSettings, target: TargetSettings
) -> Iterator[Batch]:
    for block in csv_reader.read_batches(accepted.csv, name=accepted.name, schema=schema):
        for start in range(0, block.num_rows, settings.batch_rows):
            yield _batch(block.slice(start, settings.batch_rows), accepted, settings, target)


def _batch(rows: pa.RecordBatch, accepted: Accepted, settings: TransformSettings, target: TargetSettings) -> Batch:
    typed = {name: csv_reader.parse_numbers(rows[name]) if name in NUMERIC else rows[name] for name in FEATURES}
    segments = rows[target.column]
    if segments.null_count:
        where = ", ".join(str(line) for line, _ in lines_with(accepted.csv, target.column, MISSING.__contains__))
        rows = "1 row has" if segments.null_count == 1 else f"{segments.null_count} rows have"
        raise DataError(
            f"{accepted.name or accepted.csv.name}: {rows} no {target.column} (line {where}).",
            "Drop or label them.",
        )
    profiles = profile_hashes(typed, settings.salt)
    columns: RawFeatures = {
        name: pc.fill_null(column, np.nan).to_numpy(zero_copy_only=False).astype(np.float32)
        if name in NUMERIC
        else pc.fill_null(column, "").to_numpy(zero_copy_only=False)
        for name, column in typed.items()
    }
    positive = pc.is_in(segments, value_set=pa.array(target.positive_segments))
    labels = positive.to_numpy(zero_copy_only=False).astype(np.int8)
    return Batch(columns, labels, profiles, row_hashes(typed, labels), is_eval(profiles, settings.eval_share))


def _write(
    accepted: Accepted,
    schema: Schema,
    encoding: Encoding,
    settings: TransformSettings,
    target: TargetSettings,
    out: Path,
) -> None:
    columns = _schema(encoding)
    with (
        pq.ParquetWriter(out / "train.parquet", columns) as train,
        pq.ParquetWriter(out / "eval.parquet", columns) as held,
    ):
        for batch in _batches(accepted, schema, settings, target):
            for writer, mask in ((train, ~batch.in_eval), (held, batch.in_eval)):
                if mask.any():
                    writer.write_table(pa.Table.from_arrays(_arrays(batch, mask, encoding), schema=columns))


def _schema(encoding: Encoding) -> pa.Schema:
    raw = [(name, pa.float32() if name in NUMERIC else pa.string()) for name in FEATURES]
    fitted = [(transformed(f.name), pa.list_(pa.float32(), f.width)) for f in encoding.features]
    return pa.schema([*raw, ("label", pa.int8()), ("profile", pa.uint64()), ("row", pa.uint64()), *fitted])


def _arrays(batch: Batch, mask: NDArray[np.bool_], encoding: Encoding) -> list[pa.Array]:
    columns = {name: column[mask] for name, column in batch.columns.items()}
    raw = [pa.array(columns[name], pa.float32() if name in NUMERIC else pa.string()) for name in FEATURES]
    lists = [
        pa.FixedSizeListArray.from_arrays(pa.array(numbers.reshape(-1)), numbers.shape[1])
        for numbers in encoding.apply(columns).values()
    ]
    hashes = [pa.array(batch.profiles[mask]), pa.array(batch.rows[mask])]
    return [*raw, pa.array(batch.labels[mask]), *hashes, *lists]
