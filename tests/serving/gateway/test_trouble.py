"""What a client is told when the server behind is gone, slow, or breaks off; and what goes through unchanged."""

import gzip
import http.client
import json
import re
import socket
import struct
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.serving.gateway.gateway_process import answer, gateway, stand_in
from tests.serving.live import ask, error_of, eventually

PREDICT = "/v1/models/customer-model:predict"


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_a_server_that_is_not_there_is_502(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with gateway(nobody, log=tmp_path / "log") as door:
        status, body, headers = ask(door.url, "POST", PREDICT, b"{}")
        assert status == 502
        assert "cannot be reached" in error_of(body)
        assert headers["x-model-version"] == "unknown"
        assert ask(door.url, "GET", "/healthz")[0] == 200


@pytest.mark.parametrize(
    "part",
    [
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"predictions"',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
    ids=["header", "body", "chunks"],
)
@pytest.mark.parametrize("how", ["closed", "reset"])
def test_an_answer_that_breaks_off_is_502_and_nothing_of_it_is_passed(part: bytes, how: str, tmp_path: Path) -> None:
    def break_off(_request: bytes, connection: socket.socket) -> None:
        connection.sendall(part)
        _reset(connection) if how == "reset" else connection.close()

    with stand_in(break_off) as server, gateway(server.url, log=tmp_path / "log") as door:
        status, body, _ = ask(door.url, "POST", PREDICT, b"{}")
        assert (status, len(server.requests)) == (502, 1)
        assert "broke the connection off" in error_of(body)


def test_what_is_no_http_is_502(tmp_path: Path) -> None:
    with (
        stand_in(lambda _, connection: connection.sendall(b"SSH-2.0-OpenSSH\r\n")) as server,
        gateway(server.url, log=tmp_path / "log") as door,
    ):
        assert ask(door.url, "POST", PREDICT, b"{}")[0] == 502


@pytest.mark.parametrize(
    "more",
    [
        answer(b'{"second": 2}', b"X-Second: 2\r\n"),
        b"HTTP/1.1 500 Internal Server Error\r\nX-Second: 2\r\nContent-Le",
        b"HTTP/1.1 204 No Content\r\nX-Second: 2\r\n\r\n",
        b"\0 no HTTP",
    ],
    ids=["whole", "part", "empty", "none"],
)
@pytest.mark.parametrize("method", ["POST", "HEAD"])
def test_what_a_server_sends_behind_its_answer_is_no_part_of_it(more: bytes, method: str, tmp_path: Path) -> None:
    turns = iter(range(100))

    def twice(_request: bytes, connection: socket.socket) -> None:
        first = answer(b'{"turn": %d}' % next(turns))
        connection.sendall((first.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == "HEAD" else first) + more)

    with stand_in(twice) as server, gateway(server.url, log=tmp_path / "log") as door:
        for turn in range(3):
            status, body, headers = ask(door.url, method, PREDICT, b"{}")
            assert (status, body) == (200, b"" if method == "HEAD" else b'{"turn": %d}' % turn)
            assert "x-second" not in headers
            assert headers["content-length"] == str(len(b'{"turn": 0}'))
        assert len(server.requests) == 3


def test_a_slow_server_is_504_and_told_that_nobody_waits(tmp_path: Path) -> None:
    left = []

    def never(_request: bytes, connection: socket.socket) -> None:
        try:
            left.append(connection.recv(1))
        except ConnectionResetError:
            left.append(b"")

    with (
        stand_in(never) as server,
        gateway(server.url, "--answer-seconds=0.5", log=tmp_path / "log") as door,
    ):
        status, body, _ = ask(door.url, "POST", PREDICT, b"{}")
        assert status == 504
        assert "within 0.5 seconds" in error_of(body)
        assert eventually(lambda: left, within=10) == [b""]


def test_a_client_that_hangs_up_ends_the_request_behind(tmp_path: Path) -> None:
    left = []

    def never(_request: bytes, connection: socket.socket) -> None:
        try:
            left.append(connection.recv(1))
        except ConnectionResetError:
            left.append(b"")

    with stand_in(never) as server, gateway(server.url, log=tmp_path / "log") as door:
        parts = urlsplit(door.url)
        with socket.create_connection((parts.hostname, parts.port)) as client:
            client.sendall(b"POST %b HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}" % PREDICT.encode())
            eventually(lambda: server.requests, within=10)
            _reset(client)
        assert eventually(lambda: left, within=10) == [b""]
        assert eventually(lambda: re.search(r":predict\" 499 0 bytes", door.log.read_text()), within=10)


def test_a_connection_stays_open_and_one_that_was_closed_meanwhile_costs_no_answer(tmp_path: Path) -> None:
    turns = iter(range(100))

    def close_after_third(request: bytes, connection: socket.socket) -> None:
        number = next(turns)
        connection.sendall(answer(b'{"turn": %d}' % number)) if number != 3 else connection.close()
        assert request.endswith(b"{}")

    with stand_in(close_after_third) as server, gateway(server.url, log=tmp_path / "log") as door:
        parts = urlsplit(door.url)
        client = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
        told = []
        for _ in range(6):
            client.request("POST", PREDICT, b"{}")
            response = client.getresponse()
            assert response.status == 200
            told.append(json.loads(response.read())["turn"])
        client.close()
        assert told == [0, 1, 2, 4, 5, 6]  # the third question was sent twice
        assert server.opened <= 3  # connections, one of which may have carried a status before


def test_bodies_and_headers_go_through_and_those_of_a_connection_do_not(tmp_path: Path) -> None:
    told = answer(b"\x00\xff{", b"X-Custom: a b\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-Model-Version: made up\r\n")
    with (
        stand_in(lambda _, connection: connection.sendall(told)) as server,
        gateway(server.url, log=tmp_path / "log") as door,
    ):
        given = {
            "Content-Type": "application/json; charset=x",
            "X-Request-Id": "abc.DEF-1",
            "Authorization": "Bearer of this door",
            "Connection": "close, X-Mine",
            "X-Mine": "1",
            "X-Other": "2",
            "Upgrade": "h2c",
        }
        status, body, headers = ask(door.url, "POST", f"{PREDICT}?q=%20", b'{"\xe9": 1}', given)
        assert (status, body) == (200, b"\x00\xff{")
        assert (headers["x-custom"], headers["x-request-id"]) == ("a b", "abc.DEF-1")
        assert "x-hop" not in headers
        assert headers["x-model-version"] in ("unknown", "7")
        head, _, sent = server.requests[0].partition(b"\r\n\r\n")
        assert sent == b'{"\xe9": 1}'
        assert head.startswith(b"POST %b?q=%%20 HTTP/1.1\r\n" % PREDICT.encode())
        lines = head.split(b"\r\n")
        assert {b"Content-Type: application/json; charset=x", b"X-Other: 2", b"X-Request-Id: abc.DEF-1"} <= {*lines}
        assert not [line for line in lines if line.lower().startswith((b"authorization", b"x-mine", b"upgrade"))]


@pytest.mark.parametrize("given", [None, "", "two words", "x" * 129, "\u00e4", "a;b"])
def test_an_identifier_that_is_none_is_replaced(given: str | None, tmp_path: Path) -> None:
    with (
        stand_in(lambda _, connection: connection.sendall(answer(b"{}"))) as server,
        gateway(server.url, log=tmp_path / "log") as door,
    ):
        headers = {} if given is None else {"X-Request-Id": given}
        made = ask(door.url, "GET", "/v1/models/other", None, headers)[2]["x-request-id"]
        assert re.fullmatch("[0-9a-f]{16}", made)
        assert f"X-Request-Id: {made}".encode() in server.requests[0]


def test_deep_bodies_do_not_reach_the_server(tmp_path: Path) -> None:
    deep = b"[" * 101
    with (
        stand_in(lambda _, connection: connection.sendall(answer(b"{}"))) as server,
        gateway(server.url, "--max-body-bytes=100000", log=tmp_path / "log") as door,
    ):
        for body, headers in ((deep, {}), (gzip.compress(deep), {"Content-Encoding": "GZIP"})):
            status, said, _ = ask(door.url, "POST", PREDICT, body, headers)
            assert (status, error_of(said)) == (400, "The JSON of the request nests deeper than 100 levels.")
        bomb = gzip.compress(b" " * 200_000)
        assert ask(door.url, "POST", PREDICT, bomb, {"Content-Encoding": "gzip"})[0] == 413
        assert ask(door.url, "POST", PREDICT, b" " * 200_000)[0] == 413
        assert server.requests == []
        assert ask(door.url, "POST", PREDICT, deep[1:])[0] == 200


def test_the_status_is_asked_about_once_a_second_whatever_is_asked(tmp_path: Path) -> None:
    asked = []

    def count(request: bytes, connection: socket.socket) -> None:
        asked.append(request.split(b" ")[1])
        connection.sendall(answer(b'{"model_version_status": []}'))

    with stand_in(count) as server, gateway(server.url, "--model=mine", log=tmp_path / "log") as door:
        began = time.monotonic()
        while time.monotonic() - began < 2.5:
            assert ask(door.url, "POST", PREDICT, b"{}")[2]["x-model-version"] == "unknown"
        assert 2 <= asked.count(b"/v1/models/mine") <= 2 + (time.monotonic() - began)


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/monitoring/prometheus/metrics",
        "/v1/models/../../x",
        "/v1/models/%2e%2E/x",
        "/v1/models/..%2Fx",
        "/v1/models/..;/x",
        "/v1/models/..\\x",
        "/v1/models/m/%252e%252e/x",
    ],
)
def test_nothing_else_is_passed(path: str, tmp_path: Path) -> None:
    with (
        stand_in(lambda _, connection: connection.sendall(answer(b"{}"))) as server,
        gateway(server.url, log=tmp_path / "log") as door,
    ):
        assert ask(door.url, "GET", path)[0] == 404
        assert server.requests == []
