"""Rules of the API beyond the recorded exchanges: examples, layouts, routes and metrics."""

from typing import Any

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.codecs.gzip_body import unpacked
from serving.codecs.request_body import RequestBody
from serving.codecs.response_body import Classes, RowFormat, Values, column_format
from serving.codecs.tf_examples import examples
from serving.errors import StatusError
from serving.metrics import ServerMetrics
from serving.models.signatures import Signature, TensorSpec
from serving.rest.classify import CheckedClasses
from serving.rest.regress import CheckedValues
from serving.rest.request_target import is_api, relative
from serving.rest.router import Route, route
from tests.serving.live import GOLDEN, ServerProcess, ask, error_of


def _giving(**outputs: str) -> Signature:
    return Signature("s", {}, {name: TensorSpec(name, dtype, None) for name, dtype in outputs.items()}, "")


@pytest.mark.parametrize(
    ("features", "error"),
    [
        ('{"a": null}', "Feature: a has element with unexpected JSON type: Null"),
        ('{"a": [[1]]}', "Feature: a has element with unexpected JSON type: Array"),
        ('{"a": {"x": 1}}', "Feature: a has element with unexpected JSON type: Object"),
        ('{"a": [1, 2.0]}', "Unexpected element type in feature: a expecting type: int64"),
        ('{"a": ["x", true]}', "Unexpected element type in feature: a expecting type: bytes"),
        ('{"a": 9223372036854775808}', "Feature: a has uint64 element. Only int64 is supported."),
        ('{"a": {"b64": "?"}}', "Unable to base64 decode"),
        ("[]", "Example must be JSON object but got JSON Array"),
    ],
)
@pytest.mark.usefixtures("tensorflow_here")
def test_features_that_no_example_can_hold(features: str, error: str) -> None:
    with pytest.raises(StatusError) as refused:
        examples(RequestBody(f'{{"examples": [{features}]}}'.encode()))
    assert refused.value.message == error


@pytest.mark.usefixtures("tensorflow_here")
def test_examples_merge_with_their_context() -> None:
    from tensorflow.core.example.example_pb2 import Example

    body = (
        b'{"context": {"a": 1, "b": "c"}, '
        b'"examples": [{}, {"a": [2, true]}, {"f": 1.5, "e": [], "b": {"b64": "YQ=="}}]}'
    )
    features = [
        {
            name: list(getattr(feature, feature.WhichOneof("kind") or "bytes_list").value)
            for name, feature in Example.FromString(data).features.feature.items()
        }
        for data in examples(RequestBody(body))
    ]
    assert features == [
        {"a": [1], "b": [b"c"]},
        {"a": [2, 1], "b": [b"c"]},
        {"a": [1], "b": [b"a"], "f": [1.5], "e": []},
    ]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"{}", "JSON Value: {} When method is classify, key 'examples' is expected and was not found"),
        (b'{"examples": 1}', "JSON Value: {\n    \"examples\": 1\n} Expecting 'examples' value to be an list/array"),
        (b'{"signature_name": "nope", "examples": [{}]}', "No signature was found with the name: nope"),
    ],
)
def test_classify_says_what_it_lacks(body: bytes, error: str, golden_server: ServerProcess) -> None:
    status, answer, _ = ask(golden_server.url, "POST", "/v1/models/customer-example:classify", body)
    assert (status, error_of(answer)) == (400, error)


def test_a_feature_name_that_is_no_text_is_only_unknown(golden_server: ServerProcess) -> None:
    body = b'{"signature_name": "classify", "examples": [{"\xff": 1.0}]}'
    known = b'{"signature_name": "classify", "examples": [{}]}'
    path = "/v1/models/customer-example:classify"
    assert ask(golden_server.url, "POST", path, body)[:2] == ask(golden_server.url, "POST", path, known)[:2]


def test_rows_are_one_line_each_and_columns_one_element_a_line() -> None:
    signature = _giving(a="float", b_bytes="string")
    outputs = {"a": np.array([[1, 2.5], [np.nan, 3e8]], np.float32), "b_bytes": np.array([b"x", b"\xff"], object)}
    rows = RowFormat().body(RowFormat().cells(outputs, signature), slice(None), signature).decode()
    assert rows == (
        '{\n    "predictions": [\n        {\n            "a": [1.0, 2.5],\n            "b_bytes": {\n'
        '                "b64": "eA=="\n            }\n        },\n        {\n            "a": [NaN, 3e+08],\n'
        '            "b_bytes": {\n                "b64": "/w=="\n            }\n        }\n    ]\n}'
    )
    columns = column_format({"a": outputs["a"]}, _giving(a="float")).decode()
    assert columns == (
        '{\n    "outputs": [\n        [\n            1.0,\n            2.5\n        ],\n        [\n            NaN,\n'
        "            3e+08\n        ]\n    ]\n}"
    )


def test_text_goes_out_as_it_is_with_control_characters_escaped() -> None:
    signature = _giving(t="string")
    outputs = {"t": np.array(['é/"\\\n\x01\x7f'.encode(), b"\xff"], object)}
    assert RowFormat().body(RowFormat().cells(outputs, signature), slice(None), signature) == (
        b'{\n    "predictions": ["\xc3\xa9/\\"\\\\\\n\\u0001\x7f", "\xff"\n    ]\n}'
    )


@pytest.mark.parametrize(
    ("outputs", "error"),
    [
        ({"a": np.float32(1)}, "Tensor name: a has no shape information "),
        (
            {"a": np.zeros(2, np.float32), "b": np.zeros(3, np.float32)},
            "Tensor name: b has inconsistent batch size: 3 expecting: 2",
        ),
        ({"h": np.zeros(2, np.float16)}, "Failed to write JSON value for tensor type: half"),
        ({}, "Cannot convert empty tensor map to JSON"),
    ],
)
def test_outputs_that_are_no_rows(outputs: dict[str, Any], error: str) -> None:
    arrays = {name: np.asarray(value) for name, value in outputs.items()}
    with pytest.raises(StatusError) as refused:
        RowFormat().cells(arrays, _giving(a="float", b="float", h="half"))
    assert refused.value.message == error


def test_classes_may_lack_labels_or_scores_but_not_their_shape() -> None:
    labels, scores = np.array([[b"a", b"b"]], object), np.array([[0.25, 0.75]], np.float32)
    signature = _giving(classes="string", scores="float")
    assert Classes().cells({"classes": labels}, signature) == [[b'[["a", 0.0], ["b", 0.0]]']]
    assert Classes().cells({"scores": scores}, signature) == [[b'[["", 0.25], ["", 0.75]]']]
    with pytest.raises(StatusError, match=r"Expected Tensor shape: \[batch_size num_classes\] but got \[2\]"):
        CheckedClasses().cells({"scores": scores[0]}, signature)
    with pytest.raises(StatusError, match=r"Got 2 vs\. 1"):
        CheckedClasses().cells({"classes": labels, "scores": scores[:, :1]}, signature)
    with pytest.raises(StatusError, match=r"Expected scores Tensor of DT_FLOAT\. Got: DT_DOUBLE"):
        CheckedClasses().cells({"scores": scores}, _giving(scores="double"))


def test_regressions_are_one_number_each() -> None:
    signature = _giving(outputs="float")
    assert Values().cells({"outputs": np.array([[0.5], [1]], np.float32)}, signature) == [[b"0.5", b"1.0"]]
    with pytest.raises(StatusError, match=r"\[batch_size\] or \[batch_size, 1\] but got \[1,2\]"):
        CheckedValues().cells({"outputs": np.zeros((1, 2), np.float32)}, signature)


@pytest.mark.parametrize(
    ("method", "target", "want"),
    [
        ("POST", "/v1/models/m:predict", Route("predict", "m", None, None)),
        ("POST", "/V1/Models/m/Versions/007:classify", Route("classify", "m", 7, None)),
        ("POST", "/v1/models/a%20b/labels/x%2Fy:regress", Route("regress", "a b", None, "x/y")),
        ("GET", "/v1/models", Route("status", "", None, None)),
        ("GET", "/v1/models/metadata", Route("status", "metadata", None, None)),
        ("GET", "/v1/models/m/metadata", Route("metadata", "m", None, None)),
        ("GET", "/v1/models/m/METADATA", Route("status", "m", None, None)),
        ("GET", "/v1/models/m/versions/1/metadata", Route("metadata", "m", 1, None)),
        ("GET", "/v1/models/m?x=1", Route("status", "m?x=1", None, None)),
    ],
)
def test_routes(method: str, target: str, want: Route) -> None:
    assert route(method, target) == want


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/v1/models/m:PREDICT"),
        ("GET", "/v1/models/"),
        ("HEAD", "/v1/models/m"),
        ("POST", "/v1/models/m"),
        ("GET", "/v1/models/m/metadata/"),
        ("POST", "/v1/models/m/versions/1/labels/a:predict"),
        ("GET", "/v1/x"),
    ],
)
def test_requests_without_a_route(method: str, target: str) -> None:
    with pytest.raises(StatusError) as refused:
        route(method, target)
    assert refused.value.message == f"Malformed request: {method} {target}"


def test_a_version_number_must_fit_64_bits() -> None:
    assert route("GET", f"/v1/models/m/versions/{(1 << 63) - 1}").version == (1 << 63) - 1
    for verb, target in (("GET", ""), ("GET", "/metadata"), ("POST", ":predict")):
        with pytest.raises(StatusError) as refused:
            route(verb, f"/v1/models/m/versions/{1 << 63}{target}")
        assert refused.value.message == "Failed to convert version: 9223372036854775808 to numeric."


def test_targets() -> None:
    assert relative("http://host:1/v1/models/m?a=b") == "/v1/models/m?a=b"
    assert relative("http://host") == "/"
    assert [relative(bad) for bad in ("/a%zz", "/a b", "/{x}", '/"', "/é", "/a?b=[")] == [None] * 6
    assert is_api("/V1/x")
    assert not is_api("/v1")
    assert not is_api("//v1/models/m")
    assert unpacked(b"not gzip", most=10) == b""


def test_the_metrics_page_has_the_names_types_and_labels_of_the_original() -> None:
    metrics = ServerMetrics()
    metrics.request('a"\\\n', "OK", "predict", 0.0015)
    metrics.request("m", "NOT_FOUND", "", 1)
    metrics.run("m", "Predict", 0.001)
    metrics.examples("m", 3)
    metrics.load(GOLDEN, 0.0, succeeded=True, warm_up_seconds=0.1)
    page = metrics.page().decode()
    original = (GOLDEN / "metrics_page.txt").read_text()
    types = {line for line in page.splitlines() if line.startswith("# TYPE")}
    assert types <= set(original.splitlines())
    families = {family.name: family for family in text_string_to_metric_families(page)}
    assert families[":tensorflow:serving:request_latency"].type == "histogram"
    counted = [sample for sample in families[":tensorflow:serving:request_latency"].samples if sample.value == 1]
    assert [sample.labels["model_name"] for sample in counted] == ['a"\\\n'] * len(counted)
    bounds = [line.split('le="')[1].split('"')[0] for line in page.splitlines() if ":request_latency_bucket" in line]
    assert bounds == [
        line.split('le="')[1].split('"')[0]
        for line in original.splitlines()
        if line.startswith(':tensorflow:serving:request_latency_bucket{model_name="customer-model",API="predict"')
    ]
    assert ':tensorflow:serving:request_count{model_name="m",status="NOT_FOUND"} 1' in page.splitlines()


def test_names_that_clients_make_up_neither_break_the_metrics_page_nor_fill_it() -> None:
    metrics = ServerMetrics(["customer-model"])
    metrics.request("\udcff", "NOT_FOUND", "", 0)
    for number in range(1000):
        metrics.request(f"made-up-{number}", "NOT_FOUND", "", 0)
    metrics.request("customer-model", "OK", "predict", 0.001)
    page = metrics.page().decode("utf-8")
    assert 'request_count{model_name="customer-model",status="OK"} 1' in page
    assert page.count("request_count{") <= 102
    assert 'request_count{model_name="(others)",status="NOT_FOUND"} 902' in page
