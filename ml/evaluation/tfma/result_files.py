"""TFMA's result files, written without a Beam pipeline.

Formats: `writers/metrics_plots_and_validations_writer.py` and `writers/eval_config_writer.py` of
tensorflow_model_analysis, whose converters make the records. `tfma.load_eval_result`, `tfma.load_metrics` and
`tfma.load_validation_result` read them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ONE_SHARD = "-00000-of-00001.tfrecord"


def write_results(out: Path, config: Any, slices: Sequence[tuple[Any, dict[Any, Any]]]) -> None:
    """Write `eval_config.json` and the TFRecords of metrics, plots, attributions and validations into `out`.

    Args:
        out: A directory; made if it is not there.
        config: The `EvalConfig` that was evaluated.
        slices: Each slice key with its metrics by `MetricKey`. There are neither plots nor attributions: as in TFMA,
            their files hold one record a slice that says so.
    """
    from tensorflow_model_analysis.evaluators import metrics_validator
    from tensorflow_model_analysis.writers import metrics_plots_and_validations_writer as converters

    out.mkdir(parents=True, exist_ok=True)
    (out / "eval_config.json").write_text(_run_json(config), encoding="utf-8")
    records = {
        "metrics": [converters.convert_slice_metrics_to_proto(each, None) for each in slices],
        "plots": [converters.convert_slice_plots_to_proto((key, {}), None) for key, _ in slices],
        "attributions": [converters.convert_slice_attributions_to_proto((key, {})) for key, _ in slices],
    }
    for kind, messages in records.items():
        _write(out / f"{kind}{ONE_SHARD}", messages)
    verdict = converters.CombineValidations(config)
    validated = [metrics_validator.validate_metrics(each, config) for each in slices]
    merged = verdict.extract_output(verdict.add_inputs(verdict.create_accumulator(), validated))
    _write(out / "validations.tfrecord", [merged])


def _write(path: Path, messages: Iterable[Any]) -> None:
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(path)) as writer:
        for message in messages:
            writer.write(message.SerializeToString())


def _run_json(config: Any) -> str:
    """What was evaluated, in the words that TFMA has for data and models that it did not read itself."""
    import tensorflow_model_analysis as tfma
    from google.protobuf import json_format
    from tensorflow_model_analysis.proto import config_pb2

    run = config_pb2.EvalRun(
        eval_config=config,
        version=tfma.__version__,
        data_location="<user provided PCollection>",
        file_format="<unknown>",
        model_locations={"": "<unknown>"},
    )
    text: str = json_format.MessageToJson(run)
    return text + "\n"
