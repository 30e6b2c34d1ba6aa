"""Transformation: split by profile, fit the encoding on train only, write both sides as Parquet, batch by batch."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.artifacts import Accepted, Examples
from ml.config.settings import BeamSettings, TargetSettings, TransformSettings
from ml.data.features import FEATURES, RawFeatures
from ml.data.schema import Schema
from ml.errors import DataError, FinalError
from ml.storage import files
from ml.storage.progress import Progress
from ml.training.examples.counts import Counts, empty_side
from ml.training.examples.example_files import write_examples
from ml.training.examples.outcome_rows import OutcomeRows, outcome_rows
from ml.training.examples.shard_rows import prepare_shard, read_rows
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
    accepted: Accepted,
    *,
    schema: Schema,
    settings: TransformSettings,
    target: TargetSettings,
    out: Path,
    beam: BeamSettings | None = None,
) -> Examples:
    """Write `train.parquet`, `eval.parquet` and `encoding.json` into `out`.

    The files hold the raw features (text, "" where missing; float32, NaN where missing), `label` (int8), two hashes
    (uint64: `profile` of the features, `row` of features and label) and `NAME_xf`, a fixed-size list of float32 for
    every feature. Categories are spelled as `schema` does, the one of the run.

    In this process the data are read twice, and never more than a block of the file is in memory. With a runner in the
    section `beam` its workers read shards of them, which lie in `out` meanwhile unless `beam.directory` is set. The
    files are the same, byte by byte.

    Rows that outcomes added (`outcomes.csv` beside the data) are the last ones of `train.parquet`; see `outcome_rows`.

    Raises:
        DataError: A label is missing, or one side of the split is empty.
        FinalError: A profile is on both sides, or rows were lost.
        SettingsError: The section `beam` cannot be used.
        TransientError: The job of the runner failed.
    """
    read = _here if beam is None or not beam.runner else partial(_by_beam, beam=beam, out=out)
    added = outcome_rows(accepted, schema=schema, settings=settings, target=target)
    with read(accepted, schema, settings, target, added) as (counts, batches):
        for batch in added.batches:
            counts.add(batch)
        encoding = counts.encoding(settings)
        encoding.write(out / "encoding.json")
        written = write_examples(chain(batches, added.batches), encoding, out)
    if written != (counts.train, counts.held):
        raise _other_rows(accepted, f"{counts.train:,} + {counts.held:,}", "written", "{:,} + {:,}".format(*written))
    require_apart(out / "train.parquet", out / "eval.parquet")
    log.info("%d train rows, %d eval rows, %d inputs", counts.train, counts.held, encoding.width)
    if added.rows or added.held_back:
        log.info(
            "%d train rows are of outcomes, and stand in for %d of the data; %d outcomes do not join: their customers, "
            "or others with the same features, are on the evaluation side",
            added.rows,
            added.replaced_rows,
            added.held_back,
        )
    return Examples(
        out, files.sha256_tree(out), counts.rows, counts.train, counts.held, added.rows, added.replaced_rows
    )


def training_side(
    accepted: Accepted, *, schema: Schema, settings: TransformSettings, target: TargetSettings
) -> TrainingSide:
    """Return the rows that `transform` would write as `train.parquet`; no value of an evaluation row is kept.

    Raises:
        DataError: A label is missing, or the training side is empty.
    """
    added = outcome_rows(accepted, schema=schema, settings=settings, target=target)
    hashes = ProfileHashes(settings.salt)
    batches = raw_batches(accepted, schema, settings, target, hashes, without=added.replaced)
    kept = [(batch, ~batch.in_eval) for batch in chain(batches, added.batches)]
    if not any(mask.any() for _, mask in kept):
        raise empty_side("train", sum(len(mask) for _, mask in kept), settings)
    return TrainingSide(
        {name: np.concatenate([batch.columns[name][mask] for batch, mask in kept]) for name in FEATURES},
        np.concatenate([batch.labels[mask] for batch, mask in kept]),
        np.concatenate([batch.profiles[mask] for batch, mask in kept]),
    )


@contextmanager
def _here(
    accepted: Accepted, schema: Schema, settings: TransformSettings, target: TargetSettings, added: OutcomeRows
) -> Iterator[tuple[Counts, Iterator[RawBatch]]]:
    """Yield the counts of all rows and the rows, read in this process."""
    hashes = ProfileHashes(settings.salt)

    def rows(what: str) -> Iterator[RawBatch]:
        batches = raw_batches(accepted, schema, settings, target, hashes, without=added.replaced)
        return _watched(batches, what, accepted.rows - added.replaced_rows)

    counts = Counts()
    for batch in rows("transform, pass 1 of 2"):
        counts.add(batch)
    yield counts, rows("transform, pass 2 of 2")


@contextmanager
def _by_beam(
    accepted: Accepted,
    schema: Schema,
    settings: TransformSettings,
    target: TargetSettings,
    added: OutcomeRows,
    *,
    beam: BeamSettings,
    out: Path,
) -> Iterator[tuple[Counts, Iterator[RawBatch]]]:
    """Yield the counts of all rows and the rows, read by the workers of a runner.

    What is wrong with the data is said after reading them here, so that messages name the user's file and its lines.
    """
    from ml.beam import split
    from ml.beam.shared_files import joined, shared_directory
    from ml.beam.transformation import results, transform_shards

    with shared_directory(beam, out, step="transform") as directory:
        try:
            shards = [one.path for one in split.split(accepted.csv, directory, rows=split.ROWS, total=accepted.rows)]
        except DataError:
            for _ in raw_batches(accepted, schema, settings, target, ProfileHashes(settings.salt)):
                pass
            raise
        log.info("rows of %d shards by %s", len(shards), beam.runner)
        work = partial(
            prepare_shard,
            accepted=accepted,
            schema=schema,
            settings=settings,
            target=target,
            without=sorted(added.replaced),
        )
        out_of_beam = joined(directory, "counts.json")
        counts = transform_shards(shards, work=work, summary=Counts, settings=beam, out=out_of_beam)
        expected = accepted.rows - added.replaced_rows
        if counts.problem or counts.rows != expected:
            for _ in raw_batches(accepted, schema, settings, target, ProfileHashes(settings.salt)):
                pass
            if counts.problem:
                raise FinalError(f"A worker of {beam.runner} reads the data otherwise: {counts.problem}", _CURE)
            raise _other_rows(accepted, f"{expected:,}", f"counted by {beam.runner}", f"{counts.rows:,}")
        rows = (batch for part in results(shards) for batch in read_rows(part, settings))
        yield counts, _watched(rows, "transform, writing", counts.rows)


_CURE = "Repeat the run; if that does not help, see that the workers have the code and the libraries of this process."


def _other_rows(accepted: Accepted, expected: str, what: str, found: str) -> FinalError:
    name = accepted.name or accepted.csv.name
    return FinalError(f"{name}: of {expected} rows, {found} were {what}.", _CURE)


def _watched(batches: Iterator[RawBatch], what: str, rows: int) -> Iterator[RawBatch]:
    """Yield the batches, and tell how far their work has come once whoever takes them has done it."""
    with Progress(what, rows) as progress:
        for batch in batches:
            yield batch
            progress.advance(len(batch.labels))
