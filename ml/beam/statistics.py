"""TFDV's statistics of sharded data, as a Beam pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml.beam.runner import pipeline_options, run
from ml.beam.shards import Columns, read_features
from ml.beam.shared_files import readable
from ml.config.settings import BeamSettings
from ml.data.schema import Schema


def generate_statistics(shards: Sequence[str], *, schema: Schema, settings: BeamSettings, out: str) -> Any:
    """Compute the `tensorflow_metadata.proto.v0.DatasetFeatureStatisticsList` of all rows of the shards.

    Counts are those of one pass over everything, means are too up to the order of additions; quantiles and histograms
    lie within the sketches' rank errors. Each shard is read twice: before its rows are counted, it has to be known
    which columns hold nothing but numbers in all of them.

    Args:
        shards: CSV files under paths that each worker can open.
        schema: The one whose spellings categories are read with.
        settings: The section `beam`, with a runner.
        out: A file that does not exist, under a path that each worker can write; it gets the statistics.

    Raises:
        SettingsError: The settings name no runner.
        TransientError: The job failed or did not end in time.
    """
    import apache_beam as beam
    import tensorflow_data_validation as tfdv

    pipeline = beam.Pipeline(options=pipeline_options(settings))
    paths = pipeline | "shards" >> beam.Create(sorted(shards)) | "spread" >> beam.Reshuffle()
    columns = paths | "columns" >> beam.Map(Columns.of, schema) | "of all" >> beam.CombineGlobally(Columns.merged)
    (
        paths
        | "rows" >> beam.FlatMap(read_features, schema, columns=beam.pvalue.AsSingleton(columns))
        | "statistics" >> tfdv.GenerateStatistics(tfdv.StatsOptions())
        | "write" >> tfdv.WriteStatisticsToBinaryFile(out)
    )
    run(pipeline, deadline_seconds=settings.deadline_seconds)
    with readable(out) as local:
        return tfdv.load_stats_binary(str(local))
