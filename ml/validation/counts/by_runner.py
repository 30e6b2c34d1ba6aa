"""The counts of a data set by a Beam runner: as those of `ml.validation.examination.count`, made by its workers."""

from __future__ import annotations

import logging

from ml.artifacts import Dataset
from ml.config.settings import BeamSettings, TargetSettings
from ml.data.csv_reader import read_encoded
from ml.data.put_right import PutRight
from ml.data.schema import Schema
from ml.errors import DataError, TransientError
from ml.validation.counts.dataset_counts import USUAL, DatasetCounts
from ml.validation.counts.identifier_ranges import RangedIdentifiers
from ml.validation.counts.shard_counting import Plan, ShardCounting, before

log = logging.getLogger(__name__)
ROWS_A_RANGE = 1_000_000
"""Identifiers that are sorted together: some 50 MB of memory for a worker, and up to 600 MB if they are long texts."""
MOST_JOBS = 8
"""Of one data set. A job whose workers find the columns of other types is followed by another, at most five times."""


def count_by_runner(
    dataset: Dataset, schema: Schema, *, target: TargetSettings, max_examples: int, beam: BeamSettings
) -> tuple[DatasetCounts, PutRight]:
    """Split the data into shards, which lie beside them meanwhile or in `beam.directory`, and have them counted.

    One job reads each shard once if all columns are of the types that they should be, and all rows have a label. If
    not, the job finds out, and another one counts.

    Raises:
        DataError: The file cannot be read as a table.
        SettingsError: The section `beam` cannot be used.
        TransientError: A job failed, or its rows are not those of the file.
    """
    from ml.beam.counts import count
    from ml.beam.shared_files import joined, shared_directory
    from ml.beam.split import ROWS, split

    with shared_directory(beam, dataset.path.parent, step="validate") as directory:
        try:
            shards = split(dataset.csv, directory, rows=ROWS, total=dataset.rows)
        except DataError as error:
            raise _in_the_words_of_the_file(dataset, schema, error) from error
        rows = [shard.rows for shard in shards]
        labelled_before, types = before(rows), USUAL
        for number in range(MOST_JOBS):
            log.info("validate: %d shards by %s", len(shards), beam.runner)
            counting = ShardCounting(schema, target, max_examples, types, labelled_before, ROWS_A_RANGE)
            found = count(
                [shard.path for shard in shards], counting, settings=beam, out=joined(directory, f"job-{number}")
            )
            plan: Plan = found.plan()
            if refused := [one.refused for one in plan.summaries if one.refused]:
                raise _in_the_words_of_the_file(dataset, schema, refused[0])
            if [one.rows for one in plan.summaries] != rows:
                read = sum(one.rows for one in plan.summaries)
                raise TransientError(f"The workers have read {read:,} rows, and {sum(rows):,} were written.", _CURE)
            if plan.holds:
                whole = counting.merged(found.shards())
                if any(one.identifiers is not None for one in plan.summaries):
                    whole.counts.sentinel.sorted_elsewhere = RangedIdentifiers(found.ranges())
                return whole.counts, whole.put_right
            labelled_before, types = plan.labelled_before, plan.types
    raise TransientError(f"The workers have read other rows in each of {MOST_JOBS} jobs.", _CURE)


_CURE = "Check the disk or the store that beam.directory names, and try again."


def _in_the_words_of_the_file(dataset: Dataset, schema: Schema, found: DataError | str) -> DataError | TransientError:
    """Return what is wrong with the data as reading the file itself says it: with its name and its lines.

    If that finds nothing, what was `found` in a shard is the fault of the shard.
    """
    try:
        for _ in read_encoded(dataset.csv, name=dataset.name, schema=schema):
            pass
    except DataError as error:
        return error
    return found if isinstance(found, DataError) else TransientError(f"A worker could not read a shard: {found}", _CURE)
