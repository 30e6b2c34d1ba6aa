"""TFMA's metrics of every slice, by TFMA's own computations and without a Beam pipeline.

A pipeline of TFMA takes every row through extractors, a copy for each slice, one combiner a metric, a shuffle and the
writers, and Beam's local runner spends milliseconds a row on that. The computations need a hundredth of it. Here the
rows that agree in all slicing columns are a cell; each cell is added once, and a slice is the merge of its cells, which
is what `CombineFn.merge_accumulators` is for.

Rows of a cell with the same label and the same probability are one example whose weight is their number: customers with
equal features have equal probabilities, and the combiners take 24 us for an example. So they are told of a weight.
What they have added up is read by those of the same metrics without weights, in whose names there is none.

Source: `_ComputeMetricsAndPlots` in tensorflow_model_analysis/evaluators/metrics_plots_and_validations_evaluator.py,
whose order of computations this follows; the same in 0.47 and 0.52. Tests hold both results equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.errors import FinalError
from ml.evaluation.rows.categorical import Categorical

SliceKey = tuple[tuple[str, str], ...]
Cell = tuple[str | None, ...]
"""The values of all slicing columns of a row; what is missing is None."""
Examples = dict[str, NDArray[Any]]
"""Different pairs of label and probability, and how many rows have them, by TFMA's names; each of shape [k]."""

TOGETHER = ("_calibration_histogram", "_binary_confusion_matrices")
"""Computations that take an example with many outputs apart into as many pairs of label and prediction."""
COUNTING = ("example_count",)
"""Computations that count examples and look at nothing else."""
WEIGHT = "rows"
"""What the weight of an example is called."""
MOST_TOGETHER = 65_536
"""Examples added in one call; TFMA makes lists of Python's numbers of them."""


def metrics_of_slices(
    labels: NDArray[np.float32],
    predictions: Mapping[str, NDArray[np.float32]],
    columns: Mapping[str, Categorical],
    config: Any,
) -> Iterator[tuple[SliceKey, dict[Any, Any]]]:
    """Yield each slice with its metrics, by TFMA's `MetricKey`; all rows first, then the slices in order.

    Args:
        labels: Shape [n], 0 or 1.
        predictions: By the names in `config.model_specs`, each of shape [n]. A single model's name is "".
        columns: What to slice by, of shape [n]. A row without a value is in no slice of that column, as everywhere in
            TFMA.
        config: A `tensorflow_model_analysis.proto.config_pb2.EvalConfig` whose metrics count examples or come from
            the confusion matrices of binary predictions.

    Raises:
        FinalError: Another metric is asked for.
    """
    computations = Computations.of(config)
    for key, accumulators in computations.slices(labels, predictions, columns):
        yield key, computations.metrics(accumulators)


@dataclass(frozen=True)
class Computations:
    """What TFMA computes for a configuration, for one slice at a time.

    Attributes:
        config: The `EvalConfig`, with what may be left out filled in.
        combined: TFMA's computations with a combiner, in its order.
        derived: Those that are derived from the outputs of combiners.
        weighted: Like `combined`, for examples that have a weight.
    """

    config: Any
    combined: list[Any]
    derived: list[Any]
    weighted: list[Any]

    @classmethod
    def of(cls, config: Any) -> Computations:
        """Ask TFMA.

        Raises:
            FinalError: A metric is asked for that is not computed here.
        """
        from tensorflow_model_analysis.utils import config_util

        # None: the configuration itself says which model is the baseline.
        config = config_util.update_eval_config_with_defaults(config, has_baseline=None)
        combined, derived = _computations(config)
        weighted, _ = _computations(_with_weights(config))
        return cls(config, combined, derived, weighted)

    def slices(
        self,
        labels: NDArray[np.float32],
        predictions: Mapping[str, NDArray[np.float32]],
        columns: Mapping[str, Categorical],
    ) -> Iterator[tuple[SliceKey, list[Any]]]:
        """Yield the accumulators of each slice for some rows; the arguments are those of `metrics_of_slices`."""
        cells, cell = _cells(columns, len(labels))
        accumulators: dict[Cell, list[Any]] = {values: [] for values in cells}
        of_model: dict[str, list[Examples]] = {}
        for plain, each in zip(self.combined, self.weighted, strict=True):
            model = plain.keys[0].model_name
            if model not in of_model:
                of_model[model] = _examples(labels, predictions[model or next(iter(predictions))], cell, len(cells))
            for values, examples in zip(cells, of_model[model], strict=True):
                accumulators[values].append(_accumulate(each.combiner, examples, model if model in predictions else ""))
        for key, cells in _slices(accumulators, list(columns), self.config):
            yield key, self.merged(accumulators[cell] for cell in cells)

    def empty(self) -> list[Any]:
        """Return the accumulators of no row."""
        return [computation.combiner.create_accumulator() for computation in self.combined]

    def merged(self, parts: Iterable[list[Any]]) -> list[Any]:
        """Return accumulators of the rows of all parts together, which stay as they are."""
        found = [self.empty(), *parts]  # a merge may change the first accumulator, and no other
        return [
            computation.combiner.merge_accumulators([part[number] for part in found])
            for number, computation in enumerate(self.combined)
        ]

    def metrics(self, accumulators: list[Any]) -> dict[Any, Any]:
        """Return the metrics of a slice by TFMA's `MetricKey`, differences to the baseline included."""
        metrics: dict[Any, Any] = {}
        for computation, accumulator in zip(self.combined, accumulators, strict=True):
            metrics |= computation.combiner.extract_output(accumulator)
        for computation in self.derived:
            metrics |= computation.result(metrics)
        public = {name: value for name, value in metrics.items() if not name.name.startswith("_")}
        baseline = next((spec.name for spec in self.config.model_specs if spec.is_baseline), None)
        return public | _differences(public, baseline)


def _computations(config: Any) -> tuple[list[Any], list[Any]]:
    """What has a combiner, and what is derived from that, both in TFMA's order; the first of equal ones counts."""
    from tensorflow_model_analysis.metrics import metric_specs, metric_types

    wanted = list(dict.fromkeys(metric_specs.to_computations(list(config.metrics_specs), eval_config=config)))
    combined = [each for each in wanted if isinstance(each, metric_types.MetricComputation)]
    derived = [each for each in wanted if type(each) is metric_types.DerivedMetricComputation]
    unknown = {each.keys[0].name for each in combined if not each.keys[0].name.startswith((*TOGETHER, *COUNTING))}
    if unknown or len(combined) + len(derived) < len(wanted):
        raise FinalError(
            f"EvalConfig: {', '.join(sorted(unknown)) or 'one of its metrics'} is not computed here; that needs TFMA's "
            "Beam pipeline.",
            "Take metrics that count examples or come from the confusion matrices of binary predictions, as those in "
            "ml/evaluation/tfma/analysis.py.",
        )
    return combined, derived


def _with_weights(config: Any) -> Any:
    """The same configuration for examples that have a weight."""
    copy = type(config)()
    copy.CopyFrom(config)
    for spec in copy.model_specs:
        spec.example_weight_key = WEIGHT
    return copy


def _cells(columns: Mapping[str, Categorical], rows: int) -> tuple[list[Cell], NDArray[np.int64]]:
    """The cells that occur, and the number of each row's cell, shape [n]."""
    key = np.zeros(rows, dtype=np.int64)
    for column in columns.values():
        key = key * (len(column.categories) + 1) + (column.codes + 1)
    _, first, cell = np.unique(key, return_index=True, return_inverse=True)
    texts = [column[first].texts().tolist() for column in columns.values()]
    return list(zip(*texts, strict=True)) if texts else [()] * len(first), cell.reshape(-1)


def _examples(
    labels: NDArray[np.float32], probability: NDArray[np.float32], cell: NDArray[np.int64], cells: int
) -> list[Examples]:
    """The examples of each cell, from rows that TFMA would all see as they are: none is rounded, none left out."""
    from tensorflow_model_analysis import constants

    # Cell, label and the bits of the probability side by side; those of -0.0 are of another number, so it is made 0.0.
    bits = (probability + np.float32(0)).view(np.uint32).astype(np.uint64)
    key = (cell.astype(np.uint64) << np.uint64(33)) | ((labels > 0).astype(np.uint64) << np.uint64(32)) | bits
    different, counts = np.unique(key, return_counts=True)
    ends = np.searchsorted(different >> np.uint64(33), np.arange(1, cells).astype(np.uint64))
    columns = {
        constants.LABELS_KEY: (different >> np.uint64(32) & np.uint64(1)).astype(np.float32),
        constants.PREDICTIONS_KEY: (different & np.uint64(2**32 - 1)).astype(np.uint32).view(np.float32),
        constants.EXAMPLE_WEIGHTS_KEY: counts.astype(np.float64),
    }
    parts = zip(*(np.split(column, ends) for column in columns.values()), strict=True)
    return [dict(zip(columns, part, strict=True)) for part in parts]


def _accumulate(combiner: Any, examples: Examples, model: str) -> Any:
    """An accumulator with the examples of a cell in it. To add many together is cheaper than to add each by itself."""
    from tensorflow_model_analysis import constants
    from tensorflow_model_analysis.metrics import metric_types

    accumulator = combiner.create_accumulator()
    for start in range(0, len(examples[constants.LABELS_KEY]), MOST_TOGETHER):
        some: dict[str, Any] = {name: column[start : start + MOST_TOGETHER] for name, column in examples.items()}
        if model:
            some[constants.PREDICTIONS_KEY] = {model: some[constants.PREDICTIONS_KEY]}
        accumulator = combiner.add_input(accumulator, metric_types.StandardMetricInputs(some))
    return accumulator


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


def _differences(metrics: Mapping[Any, Any], baseline: str | None) -> dict[Any, Any]:
    """Every model's metrics less the baseline's."""
    if baseline is None:
        return {}
    return {
        key.make_diff_key(): value - metrics[key.make_baseline_key(baseline)]
        for key, value in metrics.items()
        if key.model_name != baseline and key.make_baseline_key(baseline) in metrics
    }
