"""TensorFlow Model Analysis over predictions that were made before: its own result files, and its numbers."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.evaluation.metrics import METRICS
from ml.evaluation.rows.categorical import Categorical
from ml.evaluation.slices import SLICED_BY

NAMES = {
    "AUC": "auc",
    "Precision": "precision",
    "Recall": "recall",
    "ExampleCount": "example_count",
    "BinaryAccuracy": "binary_accuracy",
}
SliceKey = tuple[tuple[str, str], ...]


def analyse(
    labels: NDArray[np.int8],
    probabilities: Mapping[str, NDArray[np.float32]],
    columns: Mapping[str, Categorical],
    *,
    threshold: float,
    out: Path,
) -> dict[str, dict[SliceKey, dict[str, float]]]:
    """Write TFMA's files below `out` and return metrics by model and slice.

    Args:
        labels: Shape [n], 0 or 1.
        probabilities: By model name, each of shape [n]; a model called "champion" is the baseline.
        columns: What to slice by, each of shape [n].
        threshold: Above it a row counts as predicted positive.
        out: Filled with TFMA's own formats; readable with `tfma.load_eval_result(out, model_name=...)`.
    """
    from ml.evaluation.tfma.combiners import metrics_of_slices
    from ml.evaluation.tfma.result_files import write_results

    config = eval_config(list(probabilities), threshold)
    predictions = named_for_tfma(probabilities)
    with quiet():
        write_results(out, config, list(metrics_of_slices(labels.astype(np.float32), predictions, columns, config)))
    return read_metrics(out, list(probabilities))


def read_metrics(out: Path, models: list[str]) -> dict[str, dict[SliceKey, dict[str, float]]]:
    """Return metrics by model and slice from the result files below `out`, which are of these models."""
    import tensorflow_model_analysis as tfma

    found: dict[str, dict[SliceKey, dict[str, float]]] = {}
    for model in models:
        with quiet():
            result = tfma.load_eval_result(str(out), model_name=model if len(models) > 1 else None)
        found[model] = {tuple(key): _numbers(values[""][""]) for key, values in result.slicing_metrics}
    return found


def named_for_tfma(probabilities: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Return the same by the names that `eval_config` gives models: a single one has none."""
    return {model if len(probabilities) > 1 else "": values for model, values in probabilities.items()}


@contextmanager
def quiet() -> Iterator[None]:
    """Silence TFMA for the block: it divides by zero where a metric is undefined, and calls what is deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def eval_config(models: list[str], threshold: float) -> Any:
    """What TFMA is asked for: `METRICS` of each model, over all rows and by each of `SLICED_BY`.

    A `config_pb2.EvalConfig` whose examples have a column "label" and one of predictions for each model; a model called
    "champion" is the baseline.
    """
    from tensorflow_model_analysis.proto import config_pb2

    config = config_pb2.EvalConfig()
    for model in models:
        config.model_specs.add(
            name=model if len(models) > 1 else "",
            prediction_key=model,
            label_key="label",
            is_baseline=model == "champion",
        )
    config.slicing_specs.add()
    for name in SLICED_BY:
        config.slicing_specs.add(feature_keys=[name])
    specs = config.metrics_specs.add()
    if len(models) > 1:
        specs.model_names.extend(models)
    options = {
        "Precision": f'{{"thresholds": [{threshold}]}}',
        "Recall": f'{{"thresholds": [{threshold}]}}',
        "BinaryAccuracy": f'{{"threshold": {threshold}}}',
    }
    for metric in METRICS:
        specs.metrics.add(class_name=metric, config=options.get(metric, ""))
    return config


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(values[key].get("doubleValue", math.nan)) for name, key in NAMES.items()}
