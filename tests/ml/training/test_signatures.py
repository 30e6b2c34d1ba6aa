"""The signatures of an exported model: raw rows, classify and regress agree, over REST and in TFMA."""

from __future__ import annotations

import json
import math
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.data.features import CATEGORICAL, FEATURES
from ml.evaluation.metrics import binary_metrics
from ml.pipeline.local_runner import RetrainResult
from ml.registry.golden_rows import GoldenRows
from ml.storage.root import PROJECT, Root
from serving.client.example_instance import EXAMPLE_INSTANCE
from serving.client.model_client import ModelServer
from serving.server import embedded

pytestmark = pytest.mark.usefixtures("libraries")
MODEL = "customer-model"
Customer = dict[str, Any]


@pytest.fixture(scope="module")
def root(first_run: tuple[Root, RetrainResult]) -> Root:
    return first_run[0]


@pytest.fixture(scope="module")
def url(root: Root) -> Iterator[str]:
    with embedded.embedded_server(root.models / MODEL) as url:
        ModelServer(url).wait_available(1, deadline=60)
        yield url


@pytest.fixture(scope="module")
def known(root: Root) -> GoldenRows:
    return GoldenRows.read(root.release(1) / "replay.json")


def _ask(url: str, verb: str, body: object) -> list[Any]:
    request = urllib.request.Request(f"{url}/v1/models/{MODEL}:{verb}", data=json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=30) as response:
        answer = json.loads(response.read())
    return list(answer["results" if verb != "predict" else "predictions"])


def _example(customer: Customer) -> Customer:
    """As a client of :classify writes it: numbers with a point, nothing for what is missing."""
    values = {name: value if name in CATEGORICAL else float(value) for name, value in customer.items()}
    return {name: value for name, value in values.items() if value != "" and value == value}


def test_all_signatures_agree_with_training(url: str, known: GoldenRows) -> None:
    missing = [c for c in known.instances if "" in c.values() or any(v != v for v in c.values())]
    assert missing, "no known customer lacks a value: the test would prove less than it says"
    examples = [_example(customer) for customer in known.instances]
    raw = _ask(url, "predict", {"instances": known.instances})
    classes = _ask(url, "classify", {"signature_name": "classify", "examples": examples})
    values = _ask(url, "regress", {"signature_name": "regress", "examples": examples})
    assert [row["probability"] for row in raw] == pytest.approx(known.probability, abs=1e-5)
    assert values == pytest.approx(known.probability, abs=1e-5)
    for row, answer, probability in zip(raw, classes, known.probability, strict=True):
        (rest, rest_score), (target, score) = answer
        assert (rest, target) == ("rest", "D")
        assert score == pytest.approx(probability, abs=1e-5)
        assert rest_score + score == pytest.approx(1, abs=1e-6)
        assert row["label"] == ("D" if row["probability"] > 0.5 else "rest")


def test_an_absent_feature_is_a_missing_one(url: str, known: GoldenRows) -> None:
    customer = {name: "" if name in CATEGORICAL else math.nan for name in FEATURES} | {"Age": 40.0}
    [raw] = _ask(url, "predict", {"instances": [customer]})
    [value] = _ask(url, "regress", {"signature_name": "regress", "examples": [{"Age": 40.0}]})
    negative = customer | {"Work_Experience": -1, "Family_Size": -1}
    [other] = _ask(url, "predict", {"instances": [negative]})
    assert value == pytest.approx(raw["probability"], abs=1e-6)
    assert other == raw


def test_a_category_never_seen_is_answered_like_a_missing_one(url: str, known: GoldenRows) -> None:
    customer = dict(known.instances[0])
    for name in CATEGORICAL:
        unseen, absent = customer | {name: "Zauberin \u2728"}, customer | {name: ""}
        raw = _ask(url, "predict", {"instances": [unseen, absent]})
        values = _ask(url, "regress", {"signature_name": "regress", "examples": [_example(unseen), _example(absent)]})
        assert raw[0] == raw[1]
        assert values[0] == values[1] == pytest.approx(raw[0]["probability"], abs=1e-6)


COLUMNS = {name: [value] for name, value in EXAMPLE_INSTANCE.items()}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"instances": [EXAMPLE_INSTANCE | {"Age": [22]}]}, "Age_must_be_one_value_per_customer"),
        ({"instances": [EXAMPLE_INSTANCE | {"Profession": ["Artist"]}]}, "Profession_must_be_one_value_per_customer"),
        ({"instances": [EXAMPLE_INSTANCE | {"Age": [22, 23]}]}, "Age_must_be_one_value_per_customer"),
        ({"inputs": COLUMNS | {"Gender": [["Male"]]}}, "Gender_must_be"),
        ({"inputs": {name: [[value]] for name, value in EXAMPLE_INSTANCE.items()}}, "_must_be_one_value_per_customer"),
        ({"inputs": EXAMPLE_INSTANCE}, "_must_be_one_value_per_customer"),
        ({"inputs": COLUMNS | {"Age": [22, 23]}}, "every_feature_must_have_as_many_values"),
    ],
)
def test_values_in_a_wrong_shape_are_refused_with_the_name_of_their_feature(url: str, body: object, named: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        _ask(url, "predict", body)
    assert refused.value.code == 400
    assert named in json.loads(refused.value.read())["error"]


def test_the_served_version_was_warmed_up_on_every_signature(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

    from ml.training.warm_up import BATCH_SIZE, FILE
    from serving.models.saved_model import load
    from serving.models.warm_up import warm_up

    path = root.version(MODEL, 1)
    logs = [PredictionLog.FromString(record) for record in tf.compat.v1.io.tf_record_iterator(str(path / FILE))]
    kinds = [log.WhichOneof("log_type") for log in logs]
    assert kinds == ["predict_log", "classify_log", "regress_log"] * 2
    sizes = [log.predict_log.request.inputs["Age"].tensor_shape.dim[0].size for log in logs[::3]]
    assert sizes == [1, BATCH_SIZE]
    servable = load(path)
    asked: list[tuple[str, int]] = []
    run = servable.run

    def recording(inputs: Any, *, signature: str) -> Any:
        asked.append((signature, len(next(iter(inputs.values())))))
        return run(inputs, signature=signature)

    monkeypatch.setattr(servable, "run", recording)
    try:
        assert warm_up(servable) == len(logs)
    finally:
        servable.close()
    signatures = ("serving_default", "classify", "regress")
    assert asked == [(signature, size) for size in (1, BATCH_SIZE) for signature in signatures]


def test_the_graph_needs_no_operation_that_tensorflow_serving_may_lack(root: Root) -> None:
    """Training may run on a newer TensorFlow than serving, as long as the graph keeps to what the server knows."""
    recorded = (PROJECT / "tests/serving/golden/models").glob("*/1")  # TensorFlow Serving 2.19.1 answered with these
    known = set().union(*map(_operations, recorded))
    since_tensorflow_1 = {
        "Any", "BroadcastTo", "EnsureShape", "Equal", "Greater", "Less", "LogicalNot", "LogicalOr", "Minimum", "Size",
        "StringLower", "StringStrip",
    }  # fmt: skip
    assert _operations(root.version(MODEL, 1)) <= known | since_tensorflow_1


def _operations(saved_model: Path) -> set[str]:
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    [meta_graph] = SavedModel.FromString((saved_model / "saved_model.pb").read_bytes()).meta_graphs
    graph = meta_graph.graph_def
    inner = {node.op for function in graph.library.function for node in function.node_def}
    return inner | {node.op for node in graph.node}


def test_warm_up_requests_are_the_same_bytes_each_time_and_hold_no_customer(root: Root, tmp_path: Path) -> None:
    from ml.training.preprocessing import Encoding
    from ml.training.warm_up import FILE, write_warm_up

    (tmp_path / "again").mkdir()
    write_warm_up(tmp_path / "again", Encoding.read(root.run("first") / "transform" / "encoding.json"))
    assert (tmp_path / "again" / FILE).read_bytes() == (root.version(MODEL, 1) / FILE).read_bytes()


@pytest.mark.parametrize(("signature", "key"), [("regress", "outputs"), ("classify", "scores")])
def test_tfma_evaluates_the_very_same_file(
    root: Root, known: GoldenRows, tmp_path: Path, signature: str, key: str
) -> None:
    """TFMA loads the SavedModel itself, and finds what the probabilities of training come to."""
    import apache_beam as beam
    import tensorflow as tf
    import tensorflow_model_analysis as tfma
    from google.protobuf import text_format
    from tensorflow_model_analysis.proto import config_pb2

    from ml.training.warm_up import tf_example

    labels = (np.arange(len(known.probability)) % 2).astype(np.int8)
    with tf.io.TFRecordWriter(str(tmp_path / "examples")) as writer:
        for customer, label in zip(known.instances, labels, strict=True):
            made = tf_example(customer)
            made.features.feature["is_target"].float_list.value.append(float(label))
            writer.write(made.SerializeToString())
    binarize = "binarize { class_ids { values: [1] } }" if signature == "classify" else ""
    config = text_format.Parse(
        f"""
        model_specs {{ signature_name: "{signature}" label_key: "is_target" prediction_key: "{key}" }}
        slicing_specs {{}}
        metrics_specs {{ {binarize} metrics {{ class_name: "BinaryAccuracy" }} metrics {{ class_name: "AUC" }} }}
        """,
        config_pb2.EvalConfig(),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shared = tfma.default_eval_shared_model(str(root.version(MODEL, 1)), eval_config=config, tags=["serve"])
        result = tfma.run_model_analysis(
            eval_shared_model=shared,
            eval_config=config,
            data_location=str(tmp_path / "examples"),
            output_path=str(tmp_path / "out"),
            pipeline_options=beam.options.pipeline_options.PipelineOptions(["--runner=FnApiRunner"]),
        )
    [(_, outputs)] = result.slicing_metrics
    found = {
        name: metric["doubleValue"]
        for of_class in outputs[""].values()
        for name, metric in of_class.items()
        if "doubleValue" in metric
    }
    expected = binary_metrics(labels, np.array(known.probability, dtype=np.float32), 0.5)
    assert found == pytest.approx({"binary_accuracy": expected["BinaryAccuracy"], "auc": expected["AUC"]}, abs=1e-6)
