"""What is computed without a Beam pipeline is what TFMA's own pipeline computes, file by file."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.errors import FinalError
from ml.evaluation.metrics import METRICS
from ml.evaluation.rows.categorical import Categorical
from ml.evaluation.tfma.analysis import analyse, eval_config
from ml.evaluation.tfma.combiners import metrics_of_slices

Columns = dict[str, NDArray[Any]]
ROWS = 400


def examples() -> tuple[NDArray[np.int8], NDArray[np.float32], Columns]:
    """Labels, probabilities and slicing columns with everything odd that may come up in them."""
    rng = np.random.default_rng(5)
    labels = (rng.random(ROWS) < 0.3).astype(np.int8)
    probability = np.clip(labels * 0.25 + rng.random(ROWS) * 0.8 - 0.05, 0, 1).astype(np.float32)
    probability[::7] = np.round(probability[::7], 2)  # ties, and values on the edges of buckets
    probability[60:90] = probability[60]  # one example to our combiners, thirty to the pipeline
    probability[:6] = [0.0, 1.0, 0.5, 0.5, np.nextafter(np.float32(0.5), 1), 1e-9]
    columns: Columns = {
        "Gender": rng.choice(["Male", "Female"], ROWS).astype(object),
        "Spending_Score": rng.choice(["Low", "High", "Average"], ROWS).astype(object),
        "Ever_Married": rng.choice(["Yes", "No", "(missing)"], ROWS).astype(object),
        "age_band": rng.choice(["under 30", "30-44", "45-59"], ROWS).astype(object),
    }
    columns["Gender"][10:14] = None  # in no slice of this column
    columns["Ever_Married"][12:18] = np.nan  # nor in one of this
    columns["Spending_Score"][20] = "a single row"
    columns["Spending_Score"][21:24] = "zwölf, mit Umlaut"
    columns["age_band"][labels == 0] = "no target"
    columns["age_band"][:3] = "60 and over"
    columns["age_band"][(labels == 1) & (probability > 0.9)] = "only targets"
    return labels, probability, columns


def categorical(columns: Columns) -> dict[str, Categorical]:
    return {name: Categorical.of(column) for name, column in columns.items()}


def by_beam(labels: NDArray[np.int8], models: dict[str, Any], columns: Columns, *, threshold: float, out: Path) -> None:
    import pandas as pd
    import tensorflow_model_analysis as tfma
    from apache_beam.options.pipeline_options import StandardOptions

    frame = pd.DataFrame({"label": labels.astype(np.float32), **models, **columns})
    # Beam's DirectRunner would fetch another engine from the internet first, and run that.
    with warnings.catch_warnings(), patch.object(StandardOptions, "DEFAULT_RUNNER", "FnApiRunner"):
        warnings.simplefilter("ignore")
        tfma.analyze_raw_data(frame, eval_config(list(models), threshold), output_path=str(out))


def records(folder: Path) -> dict[str, Any]:
    """Everything in the files of an evaluation, read by TFMA."""
    import tensorflow_model_analysis as tfma

    def each(messages: Any) -> list[bytes]:
        return sorted(message.SerializeToString(deterministic=True) for message in messages)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "files": sorted(path.name for path in folder.iterdir()),
            "eval_config.json": (folder / "eval_config.json").read_text(),
            "metrics": each(tfma.load_metrics(str(folder))),
            "plots": each(tfma.load_plots(str(folder))),
            "attributions": each(tfma.load_attributions(str(folder))),
            "validations": each([tfma.load_validation_result(str(folder))]),
        }


def results(folder: Path, model: str | None) -> dict[Any, Any]:
    """Metrics by slice, as `tfma.load_eval_result` gives them."""
    import tensorflow_model_analysis as tfma

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dict(tfma.load_eval_result(str(folder), model_name=model).slicing_metrics)


@pytest.mark.usefixtures("libraries")
@pytest.mark.parametrize("names", [("candidate",), ("candidate", "champion")])
def test_every_metric_of_every_slice_is_that_of_tfmas_pipeline(names: tuple[str, ...], tmp_path: Path) -> None:
    labels, probability, columns = examples()
    models = {"candidate": probability, "champion": np.sqrt(probability)}
    models = {name: models[name] for name in names}
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    found = analyse(labels, models, categorical(columns), threshold=0.45, out=ours)
    by_beam(labels, models, columns, threshold=0.45, out=theirs)

    assert records(ours) == records(theirs)
    for name in names:
        expected = results(theirs, name if len(names) > 1 else None)
        assert results(ours, name if len(names) > 1 else None) == expected
        assert set(found[name]) == set(expected)
        assert len(expected) == 1 + 2 + 5 + 3 + 6
        assert found[name][("Spending_Score", "a single row"),]["ExampleCount"] == 1
        assert found[name][("age_band", "no target"),]["AUC"] == 0.0
        for values in found[name].values():
            assert tuple(sorted(values)) == tuple(sorted(METRICS))
    selected = [key for key in found["candidate"] if key and key[0][0] == "Gender"]
    assert sum(found["candidate"][key]["ExampleCount"] for key in selected) == ROWS - 4


@pytest.mark.usefixtures("libraries")
@pytest.mark.parametrize("metric", ["MeanSquaredError", "MeanPrediction"])
def test_a_metric_that_is_not_known_to_be_equal_is_refused(metric: str) -> None:
    labels, probability, columns = examples()
    config = eval_config(["candidate"], 0.5)
    config.metrics_specs[0].metrics.add(class_name=metric)
    with pytest.raises(FinalError, match="needs TFMA's Beam pipeline") as refused:
        list(metrics_of_slices(labels.astype(np.float32), {"": probability}, categorical(columns), config))
    assert "Take metrics that count examples" in refused.value.cure
