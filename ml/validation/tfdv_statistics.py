"""TFDV's statistics of a data set, batch by batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ml.data.csv_reader import ArrowColumns
from ml.validation.counts.column import Column


class Statistics:
    """TFDV's statistics of a data set that comes in batches, by TFDV's own generators, which are combiners.

    They are those of `generate_statistics_in_memory`, with one accumulator for all batches, or for each part of them.
    Counts are exact, and means to the last digits; the quantiles of a histogram are those of TFDV's sketch, whose error
    in rows depends on how the rows were cut into batches.
    """

    def __init__(self) -> None:
        import tensorflow_data_validation as tfdv
        from tensorflow_data_validation.statistics import stats_impl

        self._extract = stats_impl.extract_statistics_output
        self._generators = stats_impl.get_generators(tfdv.StatsOptions(), in_memory=True)
        self._accumulators = [generator.create_accumulator() for generator in self._generators]

    def add(self, features: Mapping[str, pa.Array]) -> None:
        """Add some rows; for each feature a list of values a row, null where it has none (`Column.as_lists`)."""
        batch = pa.RecordBatch.from_arrays(list(features.values()), names=list(features))
        with np.errstate(invalid="ignore"):  # an infinite value, of which validation speaks
            self._accumulators = [
                generator.add_input(accumulator, batch)
                for generator, accumulator in zip(self._generators, self._accumulators, strict=True)
            ]

    def merge(self, later: Statistics) -> None:
        """Add the statistics of other rows."""
        with np.errstate(invalid="ignore"):
            self._accumulators = [
                generator.merge_accumulators([*pair])
                for generator, *pair in zip(self._generators, self._accumulators, later._accumulators, strict=True)
            ]

    def __getstate__(self) -> list[Any]:
        """Return what pickle keeps: the accumulators, which Beam, too, sends between workers."""
        return self._accumulators

    def __setstate__(self, accumulators: list[Any]) -> None:
        """Go on from there, with generators of this process."""
        Statistics.__init__(self)
        self._accumulators = accumulators

    def result(self) -> Any:
        """Return the `tensorflow_metadata.proto.v0.DatasetFeatureStatisticsList` of all that was added."""
        with np.errstate(invalid="ignore"):
            return self._extract(self._accumulators, self._generators)


def generate_statistics(columns: ArrowColumns) -> Any:
    """Compute the `tensorflow_metadata.proto.v0.DatasetFeatureStatisticsList` of whole columns."""
    statistics = Statistics()
    statistics.add({name: Column.of(column).as_lists() for name, column in columns.items()})
    return statistics.result()


def value_ranges(statistics: Any) -> dict[str, tuple[float, float]]:
    """Return the smallest and largest value of every numeric feature in a `DatasetFeatureStatisticsList`."""
    return {
        feature.path.step[0]: (feature.num_stats.min, feature.num_stats.max)
        for feature in statistics.datasets[0].features
        if feature.HasField("num_stats")
    }
