"""Clients that mean harm or know no better, against a real server: it stays up, polite and small."""

import http.client
import json
import select
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.client.example_instance import EXAMPLE_INSTANCE
from tests.serving.live import GOLDEN, RECEIVE_SECONDS, ServerProcess, error_of, eventually
from tests.serving.load import clients, resident_mib

PREDICT = "/v1/models/customer-example:predict"
BODY = json.dumps({"instances": [EXAMPLE_INSTANCE]}).encode()


@pytest.fixture
def server(golden_server: ServerProcess) -> Iterator[ServerProcess]:
    yield golden_server
    assert "Traceback" not in golden_server.log.read_text()


@pytest.fixture
def as_small_as_before(server: ServerProcess) -> Iterator[None]:
    """After the test a normal request is answered, and memory is back to within a tenth."""
    with clients(server, PREDICT, BODY) as asking:
        eventually(lambda: asking.total() > 200)
    before = resident_mib(server.process.pid)
    yield
    with clients(server, PREDICT, BODY, number=1) as asking:
        eventually(lambda: asking.total() > 20)
    assert asking.wrong == []
    eventually(lambda: resident_mib(server.process.pid) < before * 1.1, within=20)


def connect(server: ServerProcess) -> socket.socket:
    url = urlsplit(server.url)
    return socket.create_connection((url.hostname or "", url.port or 0), timeout=30)


def send_until_refused(connection: socket.socket, piece: bytes, times: int) -> bytes:
    """Sends pieces like a client that reads no answer before it has sent all; returns the answer."""
    for _ in range(times):
        if select.select([connection], [], [], 0)[0]:
            break
        connection.sendall(piece)
    return connection.recv(65536)


@pytest.mark.usefixtures("as_small_as_before")
def test_two_hundred_megabytes(server: ServerProcess) -> None:
    for head in (b"Content-Length: 200000000", b"Transfer-Encoding: chunked"):
        with connect(server) as connection:
            connection.sendall(b"POST %b HTTP/1.1\r\n%b\r\n\r\n" % (PREDICT.encode(), head))
            piece = b" " * 1_000_000
            if b"chunked" in head:
                piece = b"f4240\r\n" + piece + b"\r\n"
            answer = send_until_refused(connection, piece, 200)
            assert answer.startswith(b"HTTP/1.1 413 ")
            assert b"Connection: close" in answer
            assert "larger than 16777216 bytes. Send fewer rows" in error_of(answer.partition(b"\r\n\r\n")[2])


@pytest.mark.usefixtures("as_small_as_before")
def test_the_largest_bodies_that_are_read(server: ServerProcess) -> None:
    many = json.dumps({"instances": [EXAMPLE_INSTANCE] * 100_000}).encode()
    for body, status in (
        (b" " * 16_000_000, 400),
        (b'{"instances": [' + b"[" * 16_000_000, 400),
        (b'{"a": "' + b"x" * 16_000_000 + b'"}', 400),
        (many, 200),
        (many[:-1], 400),
    ):
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
        connection.request("POST", PREDICT, body)
        response = connection.getresponse()
        assert response.status == status
        assert len(response.read()) > 20
        connection.close()


@pytest.mark.usefixtures("as_small_as_before")
def test_five_hundred_connections_that_send_a_byte_a_second(server: ServerProcess) -> None:
    request = b"POST /v1/models/customer-example:predict HTTP/1.1\r\n"
    slow = [connect(server) for _ in range(500)]
    try:
        with clients(server, PREDICT, BODY, number=1) as quick:
            for at in range(RECEIVE_SECONDS - 1):
                for connection in slow:
                    connection.sendall(request[at : at + 1])
                so_far = quick.total()
                time.sleep(1)
                assert quick.total() > so_far
            refused = [connection.recv(65536) for connection in slow]
        assert quick.wrong == []
        assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in refused)
    finally:
        for connection in slow:
            connection.close()


SEEDS = [
    (exchange["path"], exchange["request_body"].encode())
    for exchange in map(json.loads, (GOLDEN / "rest.jsonl").read_text().splitlines())
    if exchange["method"] == "POST"
    and exchange["status"] == 200
    and isinstance(exchange["request_body"], str)
    and 2 < len(exchange["request_body"]) < 2000
    and exchange["path"].startswith("/v1/models/")
]
PIECES = [
    *(b"", b"[", b"]", b"{", b"}", b",", b":", b'"', b"\\", b"\x00", b"\xff", b" ", b"[]", b"{}", b'""'),
    *(b"null", b"true", b"NaN", b"-Infinity", b"-0", b"1e999", b"0.1e-400", b"9" * 30, b"2147483648", b"[" * 300),
    *(b"\\u0000", b"\\ud800", b'{"b64": "x"}', b'{"b64": "AA=="}', b'"signature_name": "classify",', b'"inputs": 1,'),
]
EDITS = st.tuples(st.floats(0, 1), st.integers(0, 9), st.sampled_from(PIECES))
MUTATIONS = st.tuples(st.sampled_from(SEEDS), st.lists(EDITS, min_size=1, max_size=3))


def mutated(body: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """Replaces some bytes at some places."""
    for where, length, piece in edits:
        at = int(where * len(body))
        body = body[:at] + piece + body[at + length :]
    return body


def test_ten_thousand_mutations_of_valid_requests(server: ServerProcess) -> None:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    sizes, statuses = [], dict.fromkeys((200, 400, 404, 501), 0)

    @settings(max_examples=500, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))  # type: ignore[untyped-decorator]
    @given(st.lists(MUTATIONS, min_size=20, max_size=20))  # type: ignore[untyped-decorator]
    def attack(requests: list[tuple[tuple[str, bytes], list[tuple[float, int, bytes]]]]) -> None:
        for (path, body), edits in requests:
            connection.request("POST", path, mutated(body, edits))
            response = connection.getresponse()
            assert b"Traceback" not in response.read()
            statuses[response.status] += 1  # a KeyError names a status that must not be
        sizes.append(resident_mib(server.process.pid))

    attack()
    connection.close()
    assert sum(statuses.values()) >= 10_000
    assert min(statuses[200], statuses[400]) > 500
    settled = sizes[len(sizes) // 10]
    eventually(lambda: resident_mib(server.process.pid) < settled * 1.1, within=20)


@settings(max_examples=1000, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))  # type: ignore[untyped-decorator]
@given(edits=st.lists(EDITS, min_size=1, max_size=3))  # type: ignore[untyped-decorator]
def test_mutations_of_the_whole_request(edits: list[tuple[float, int, bytes]], server: ServerProcess) -> None:
    request = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (PREDICT.encode(), len(BODY), BODY)
    with connect(server) as connection:
        connection.sendall(mutated(request, edits))
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(65536)
    assert not answer or (answer.startswith(b"HTTP/1.") and b" 500 " not in answer[:20])
    assert b"Traceback" not in answer
