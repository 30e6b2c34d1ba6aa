"""Neighbours of the recorded exchanges: what the original's source says of other types, repeated keys, odd HTTP."""

import gzip
import json
import socket
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from serving.client.example_instance import EXAMPLE_INSTANCE
from serving.client.model_client import ModelServer
from serving.server import embedded
from tests.serving.live import ServerProcess, ask, error_of

ROW = '{"signature_name": "%s", "instances": [%s]}'
FAILED = "Failed to process element: 0 of 'instances' list. Error: "


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server for a model with a signature of every type."""
    from tests.serving.made_models import save_every_type

    base_path = tmp_path_factory.mktemp("odd")
    save_every_type(base_path / "1")
    with embedded.embedded_server(base_path, model="odd") as url:
        ModelServer(url, "odd").wait_available(1, deadline=60)
        yield url


def predict(url: str, body: str, model: str = "odd") -> tuple[int, str]:
    status, answer, _ = ask(url, "POST", f"/v1/models/{model}:predict", body.encode())
    return status, answer.decode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("dtype", "value", "answer"),
    [
        ("int8", "300", "44"),  # fits JSON's 32 bits, not the type: wraps around as in C++
        ("uint8", "-1", "255"),
        ("int16", "-32769", "32767"),
        ("uint32", "4294967295", "4294967295"),
        ("uint64", "18446744073709551615", "18446744073709551615"),
        ("int64", "-9223372036854775808", "-9223372036854775808"),
        ("float", "4294967296", "4.2949673e+09"),
        ("float", "1e39", "Infinity"),
        ("double", "9223372036854775808", "9.2233720368547758e+18"),
        ("string", '{"b64": "Y Q = ="}', '"a"'),
        ("string", '{"b64": "YQ"}', '"a"'),
        ("string", '{"b64": "YQ.."}', '"a"'),
        ("string", '"\\ud83d\\ude00\\u0000"', '"\U0001f600\\u0000"'),
        ("uint16", "[]", "[]"),  # nothing to convert, so any type will do
        ("half", "[]", "[]"),
    ],
)
def test_values_of_other_types(dtype: str, value: str, answer: str, odd: str) -> None:
    assert predict(odd, ROW % (dtype, value)) == (200, f'{{\n    "predictions": [{answer}\n    ]\n}}')


@pytest.mark.parametrize(
    ("dtype", "value", "error"),
    [
        ("uint32", "-1", "INVALID_ARGUMENT: JSON Value: -1 Type: Number is not of expected type: uint32"),
        (
            "uint32",
            "4294967296",
            "INVALID_ARGUMENT: JSON Value: 4294967296 Type: Number is not of expected type: uint32",
        ),
        ("int64", "1e3", "INVALID_ARGUMENT: JSON Value: 1000.0 Type: Number is not of expected type: int64"),
        (
            "uint64",
            "18446744073709551616",
            "INVALID_ARGUMENT: JSON Value: 18446744073709552000.0 Type: Number is not of expected type: uint64",
        ),
        ("uint16", "1", "UNIMPLEMENTED: Conversion of JSON Value: 1 to type: uint16"),
        ("half", "NaN", "UNIMPLEMENTED: Conversion of JSON Value: NaN to type: half"),
        ("complex64", "null", "UNIMPLEMENTED: Conversion of JSON Value: null to type: complex64"),
        (
            "uint16",
            '{"b64": "YQ=="}',
            'INVALID_ARGUMENT: JSON Value: {\n    "b64": "YQ=="\n} Type: Object is not of expected type: uint16',
        ),
        ("string", '{"b64": "YQ="}', "INVALID_ARGUMENT: Unable to base64 decode"),
        ("string", '{"b64": "YWJj===="}', "INVALID_ARGUMENT: Unable to base64 decode"),
        ("string", '{"b64": "_w=="}', "INVALID_ARGUMENT: Unable to base64 decode"),
    ],
)
def test_values_that_do_not_fit(dtype: str, value: str, error: str, odd: str) -> None:
    status, answer = predict(odd, ROW % (dtype, value))
    assert (status, error_of(answer.encode())) == (400, FAILED + error)


@pytest.mark.parametrize(
    ("inputs", "error"),
    [
        ("[[1, 2], [3]]", "Encountered list at unexpected size: 1 at level: 1 expected size: 2"),
        ("[1, [2]]", "Encountered list at unexpected level: 1 expected < 1"),
        ("[[1], 2]", "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2"),
        ("[[], [1]]", "Encountered list at unexpected size: 1 at level: 1 expected size: 0"),
        ('{"x": {"x": 1}}', 'JSON Value: {\n    "x": 1\n} Type: Object is not of expected type: float'),
        ("{}", "Missing named input: x in 'inputs' object."),
    ],
)
def test_ragged_columns(inputs: str, error: str, odd: str) -> None:
    status, answer = predict(odd, f'{{"inputs": {inputs}}}')
    assert (status, error_of(answer.encode())) == (400, error)


def test_the_first_of_repeated_signature_names_counts(odd: str) -> None:
    for name, last in (('"signature_name"', "float"), ('"signature\\u005fname"', "float"), ('"signature_name"', "")):
        status, answer = predict(odd, f'{{{name}: "nope", "signature_name": "{last}", "instances": [1]}}')
        assert (status, error_of(answer.encode())) == (
            400,
            'Serving signature name: "nope" not found in signature def',
        )


def test_a_graph_may_give_no_rows(odd: str) -> None:
    assert predict(odd, ROW % ("positive", "-1")) == (200, '{\n    "predictions": []\n}')
    assert predict(odd, ROW % ("positive", "-1, 2")) == (200, '{\n    "predictions": [2.0\n    ]\n}')


def test_examples_for_a_signature_that_takes_numbers(odd: str) -> None:
    body = b'{"signature_name": "numbers", "examples": [{}]}'
    status, answer, _ = ask(odd, "POST", "/v1/models/odd:regress", body)
    assert (status, error_of(answer)) == (400, "Expects arg[0] to be float but string is provided")


def test_bytes_where_rows_of_several_inputs_are_wanted(odd: str) -> None:
    status, answer = predict(odd, ROW % ("pair", '{"b64": "YQ=="}'))
    assert (status, error_of(answer.encode())) == (
        400,
        "input size does not match signature: 1!=2 len({a}) != len({a,b}). Sent extra: {}. Missing but required: {b}.",
    )


def test_a_key_ends_at_a_nul(golden_server: ServerProcess) -> None:
    row = json.dumps(EXAMPLE_INSTANCE)
    cut = row.replace('"Age"', '"Age\\u0000x"')
    want = predict(golden_server.url, f'{{"instances": [{row}]}}', "customer-example")
    assert predict(golden_server.url, f'{{"instances": [{cut}]}}', "customer-example") == want
    status, answer = predict(golden_server.url, f'{{"inputs": {cut}}}', "customer-example")
    assert (status, error_of(answer.encode())) == (400, "Missing named input: Age in 'inputs' object.")


@pytest.mark.parametrize(
    ("encoding", "status"),
    [("gzip", 200), ("x-gzip", 200), ("gzip, deflate", 200), ("GZIP", 400), ("br", 400)],
)
def test_what_counts_as_gzip(encoding: str, status: int, odd: str) -> None:
    body = gzip.compress(b'{"instances": [1]}')
    assert ask(odd, "POST", "/v1/models/odd:predict", body, {"Content-Encoding": encoding})[0] == status


@pytest.mark.parametrize(
    "damage", [lambda body: body[:-1], lambda body: body + b"x", lambda body: body * 2, lambda _: b""]
)
def test_a_gzip_body_that_is_not_one_whole_is_empty(damage: Callable[[bytes], bytes], odd: str) -> None:
    body = damage(gzip.compress(b'{"instances": [1]}'))
    status, answer, _ = ask(odd, "POST", "/v1/models/odd:predict", body, {"Content-Encoding": "gzip"})
    assert (status, error_of(answer)) == (400, "JSON Parse error: The document is empty")


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "MKCOL", "BREW"])
def test_methods_that_never_reach_the_api(method: str, odd: str) -> None:
    assert ask(odd, method, "/v1/models/odd:predict")[0] == 501


@pytest.mark.parametrize("path", ["?x=1", "#x", "?"])
def test_the_metrics_page_wants_its_path_alone(path: str, odd: str) -> None:
    page = "/monitoring/prometheus/metrics"
    status, body, _ = ask(odd, "GET", page + path)
    assert (status, body.decode()) == (400, f"Unexpected path: {page}{path}. Should be {page}")


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/v1/models/o%64d:predict", 200, ""),
        ("/V1/MODELS/odd/Versions/01:predict", 200, ""),
        ("/v1/models/o%00d:predict", 404, "Servable not found for request: Latest(o\0d)"),
        ("/v1/models/odd/versions/2:predict", 404, "Servable not found for request: Specific(odd, 2)"),
        ("/v1/models/odd/labels/x:predict", 400, "Unrecognized servable version label: x"),
        ("/v1/models/odd/versions/-1:predict", 400, "Malformed request: POST /v1/models/odd/versions/-1:predict"),
        ("/v1/models/odd:predict:predict", 400, "Malformed request: POST /v1/models/odd:predict:predict"),
        ("/v1//models/odd:predict", 400, "Malformed request: POST /v1//models/odd:predict"),
    ],
)
def test_forms_of_the_path(path: str, status: int, error: str, odd: str) -> None:
    got, answer, _ = ask(odd, "POST", path, b'{"instances": [1]}')
    assert got == status
    assert (json.loads(answer).get("error") or "") == error


def test_a_repeated_header_counts_once(odd: str) -> None:
    body = b'{"instances": [1]}'
    parts = urlsplit(odd)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        connection.sendall(
            b"POST /v1/models/odd:predict HTTP/1.1\r\nContent-Encoding: identity\r\nContent-Encoding: gzip\r\n"
            b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")
