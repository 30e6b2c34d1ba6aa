"""TFMA's metrics of every slice, by TFMA's own computations and without a Beam pipeline.

A pipeline of TFMA takes every row through extractors, a copy for each slice, one combiner a metric, a shuffle and the
writers, and Beam's local runner spends milliseconds a row on that. The computations need a hundredth of it. Here the
rows that agree in all slicing columns are a cell; each cell is added once, and a slice is the merge of its cells, which
is what `CombineFn.merge_accumulators` is for.

Source: `_ComputeMetricsAndPlots` in tensorflow_model_analysis/evaluators/metrics_plots_and_validations_evaluator.py,
whose order of computations this follows; the same in 0.47 and 0.52. Tests hold both results equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.errors import FinalError

SliceKey = tuple[tuple[str, str], ...]
Cell = tuple[Any, ...]
"""The values of all slicing columns of a row; what is missing is None."""

TOGETHER = ("_calibration_histogram", "_binary_confusion_matrices")
"""Computations that take an example with many outputs apart into as many pairs of label and prediction."""
ONE_BY_ONE = ("example_count",)
"""Computations that count examples and look at nothing else."""


def metrics_of_slices(
    labels: NDArray[np.float32],
    predictions: Mapping[str, NDArray[np.float32]],
    columns: Mapping[str, NDArray[np.object_]],
    config: Any,
) -> Iterator[tuple[SliceKey, dict[Any, Any]]]:
    """Yield each slice with its metrics, by TFMA's `MetricKey`; all rows first, then the slices in order.

    Args:
        labels: Shape [n], 0 or 1.
        predictions: By the names in `config.model_specs`, each of shape [n]. A single model's name is "".
        columns: What to slice by, text of shape [n]. A row whose value is None or NaN is in no slice of that column,
            as everywhere in TFMA.
        config: A `tensorflow_model_analysis.proto.config_pb2.EvalConfig` whose metrics count examples or come from
            the confusion matrices of binary predictions.

    Raises:
        FinalError: Another metric is asked for.
    """
    from tensorflow_model_analysis.utils import config_util

    # Fills in what may be left out. None: the configuration itself says which model is the baseline.
    config = config_util.update_eval_config_with_defaults(config, has_baseline=None)
    combined, derived = _computations(config)
    accumulators = {
        cell: _accumulate(combined, labels[rows], {name: values[rows] for name, values in predictions.items()})
        for cell, rows in _cells(columns, len(labels)).items()
    }
    baseline = next((spec.name for spec in config.model_specs if spec.is_baseline), None)
    for key, cells in _slices(accumulators, list(columns), config):
        metrics = _extract(combined, [accumulators[cell] for cell in cells])
        for computation in derived:
            metrics |= computation.result(metrics)
        public = {name: value for name, value in metrics.items() if not name.name.startswith("_")}
        yield key, public | _differences(public, baseline)


def _computations(config: Any) -> tuple[list[Any], list[Any]]:
    """What has a combiner, and what is derived from that, both in TFMA's order; the first of equal ones counts."""
    from tensorflow_model_analysis.metrics import metric_specs, metric_types

    wanted = list(dict.fromkeys(metric_specs.to_computations(list(config.metrics_specs), eval_config=config)))
    combined = [each for each in wanted if isinstance(each, metric_types.MetricComputation)]
    derived = [each for each in wanted if type(each) is metric_types.DerivedMetricComputation]
    unknown = {each.keys[0].name for each in combined if not each.keys[0].name.startswith((*TOGETHER, *ONE_BY_ONE))}
    if unknown or len(combined) + len(derived) < len(wanted):
        raise FinalError(
            f"EvalConfig: {', '.join(sorted(unknown)) or 'one of its metrics'} is not computed here; that needs TFMA's "
            "Beam pipeline.",
            "Take metrics that count examples or come from the confusion matrices of binary predictions, as those in "
            "ml/evaluation/tfma/analysis.py.",
        )
    return combined, derived


def _cells(columns: Mapping[str, NDArray[np.object_]], rows: int) -> dict[Cell, list[int]]:
    """The numbers of the rows that agree in all columns."""
    cells: dict[Cell, list[int]] = {}
    values = [[None if value != value else value for value in column.tolist()] for column in columns.values()]
    for row, cell in enumerate(zip(*values, strict=True) if values else ((),) * rows):
        cells.setdefault(cell, []).append(row)
    return cells


def _accumulate(combined: list[Any], labels: Any, predictions: Mapping[str, Any]) -> list[Any]:
    """One accumulator for each combiner. To add the rows together is a fifth of the work of adding them one by one."""
    from tensorflow_model_analysis import constants
    from tensorflow_model_analysis.metrics import metric_types

    extracts = {constants.LABELS_KEY: labels, constants.PREDICTIONS_KEY: predictions.get("", predictions)}
    together = [metric_types.StandardMetricInputs(extracts)]
    one_by_one = [metric_types.StandardMetricInputs({})] * len(labels)
    return [
        each.combiner.add_inputs(
            each.combiner.create_accumulator(), together if each.keys[0].name.startswith(TOGETHER) else one_by_one
        )
        for each in combined
    ]


def _slices(cells: Iterable[Cell], columns: list[str], config: Any) -> list[tuple[SliceKey, list[Cell]]]:
    """Which cells make up each slice, by TFMA's own rules for `config.slicing_specs`."""
    from tensorflow_model_analysis.slicer import slicer_lib

    specs = [slicer_lib.SingleSliceSpec(spec=spec) for spec in config.slicing_specs] or [slicer_lib.SingleSliceSpec()]
    found: dict[SliceKey, list[Cell]] = {}
    for cell in cells:
        features = {name: [value] for name, value in zip(columns, cell, strict=True) if value is not None}
        for key in slicer_lib.get_slices_for_features_dicts([], features, specs):
            found.setdefault(key, []).append(cell)
    return sorted(found.items())


def _extract(combined: list[Any], parts: list[list[Any]]) -> dict[Any, Any]:
    """The outputs of all combiners for the rows of all `parts` together, which stay as they are."""
    metrics: dict[Any, Any] = {}
    for number, computation in enumerate(combined):
        combiner = computation.combiner
        # A merge may change the first accumulator, and no other.
        merged = combiner.merge_accumulators([combiner.create_accumulator(), *(part[number] for part in parts)])
        metrics |= combiner.extract_output(merged)
    return metrics


def _differences(metrics: Mapping[Any, Any], baseline: str | None) -> dict[Any, Any]:
    """Every model's metrics less the baseline's."""
    if baseline is None:
        return {}
    return {
        key.make_diff_key(): value - metrics[key.make_baseline_key(baseline)]
        for key, value in metrics.items()
        if key.model_name != baseline and key.make_baseline_key(baseline) in metrics
    }
