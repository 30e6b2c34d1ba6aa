"""TFDV's statistics of a data set that is in memory, column by column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.data.csv_reader import ArrowColumns


def generate_statistics(columns: ArrowColumns) -> Any:
    """Compute the `tensorflow_metadata.proto.v0.DatasetFeatureStatisticsList` of the columns."""
    import tensorflow_data_validation as tfdv
    from tensorflow_data_validation.statistics import stats_impl

    batch = pa.RecordBatch.from_arrays([_as_lists(column) for column in columns.values()], names=list(columns))
    with np.errstate(invalid="ignore"):  # an infinite value, of which validation speaks
        return stats_impl.generate_statistics_in_memory(batch, tfdv.StatsOptions())


def value_ranges(statistics: Any) -> dict[str, tuple[float, float]]:
    """Return the smallest and largest value of every numeric feature in a `DatasetFeatureStatisticsList`."""
    return {
        feature.path.step[0]: (feature.num_stats.min, feature.num_stats.max)
        for feature in statistics.datasets[0].features
        if feature.HasField("num_stats")
    }


def _as_lists(column: pa.Array) -> pa.Array:
    """Return TFDV's form of a feature: for each row a list of its values, null (and not NaN) where it has none."""
    present = np.asarray(column.is_valid())
    if pa.types.is_integer(column.type):
        column = pc.cast(column, pa.float64(), safe=False)  # the schema knows one kind of number
    offsets = np.concatenate([[0], np.cumsum(present)]).astype(np.int32)
    missing = np.append(~present, False)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32(), mask=missing), column.drop_null())
