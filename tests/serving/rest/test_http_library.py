"""What a client sees of TensorFlow Serving's HTTP library beside the API: error pages, preflights, closing."""

import http.client
import json
from urllib.parse import urlsplit

import pytest

from tests.serving.live import ServerProcess, ask, error_of

MODEL = "/v1/models/customer-model"


def open_connection(server: ServerProcess) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://example.com"}, 200),
        ({"oRIGIN": "http://127.0.0.1:8080"}, 200),
        ({}, 400),
        ({"Origin": ""}, 400),
        ({"Origin": "null"}, 400),
        ({"Origin": "file:///a.html"}, 400),
    ],
)
@pytest.mark.parametrize("path", [MODEL, MODEL + ":predict", "/v1/anything"])
def test_a_preflight_must_name_an_origin(
    path: str, headers: dict[str, str], status: int, golden_server: ServerProcess
) -> None:
    answer = ask(golden_server.url, "OPTIONS", path, headers=headers)
    assert answer[:2] == (status, b"")
    assert answer[2]["content-type"] == "text/html; charset=ISO-8859-1"


def test_preflights_are_counted(golden_server: ServerProcess) -> None:
    def counted(status: str) -> float:
        page = ask(golden_server.url, "GET", "/monitoring/prometheus/metrics")[1].decode()
        line = f':tensorflow:serving:request_count{{model_name="",status="{status}"}} '
        return sum(float(each.removeprefix(line)) for each in page.splitlines() if each.startswith(line))

    before = counted("OK"), counted("FAILED_PRECONDITION")
    ask(golden_server.url, "OPTIONS", MODEL)
    ask(golden_server.url, "OPTIONS", MODEL, headers={"Origin": "http://a"})
    assert (counted("OK"), counted("FAILED_PRECONDITION")) == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("HEAD", "/foo", 404),
        ("GET", "/v1/models/a%zz", 400),
        ("FOO", MODEL, 501),
        ("TRACE", "/", 501),
    ],
)
def test_an_error_page_is_the_last_thing_on_a_connection(
    method: str, path: str, status: int, golden_server: ServerProcess
) -> None:
    connection = open_connection(golden_server)
    connection.request(method, path)
    response = connection.getresponse()
    page = response.read()
    assert (response.status, response.getheader("Content-Type")) == (status, "text/html")
    assert page.startswith(b"<HTML><HEAD>\n<TITLE>%d " % status) or method == "HEAD"
    assert response.getheader("Connection") == "close"
    assert connection.sock is None  # http.client has closed its side, too
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", MODEL + "/versions/7", 404),
        ("PUT", MODEL, 400),
        ("POST", MODEL + ":predict", 400),
        ("GET", "/monitoring/prometheus/metrics?x=1", 400),
        ("OPTIONS", MODEL, 400),
    ],
)
def test_after_an_error_of_the_api_the_connection_goes_on(
    method: str, path: str, status: int, golden_server: ServerProcess
) -> None:
    connection = open_connection(golden_server)
    for asked, expected in (((method, path), status), (("GET", MODEL), 200)):
        connection.request(*asked)
        response = connection.getresponse()
        response.read()
        assert (response.status, response.getheader("Connection")) == (expected, None)
    connection.close()


@pytest.mark.parametrize(("method", "last"), [("GET", ""), ("GET", "/metadata"), ("POST", ":predict")])
def test_a_version_beyond_64_bits_is_an_error_in_words(method: str, last: str, golden_server: ServerProcess) -> None:
    path = f"{MODEL}/versions/99999999999999999999{last}"
    status, body, headers = ask(golden_server.url, method, path, json.dumps({"instances": []}).encode())
    assert (status, headers["content-type"]) == (400, "application/json")
    assert error_of(body) == "Failed to convert version: 99999999999999999999 to numeric."
