"""Lines, heads, chunks and trailers without an end: refused by what arrives, whatever the parser tells of."""

import json
import select
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from serving.client.example_instance import EXAMPLE_INSTANCE
from serving.http.exchange import Exchange
from serving.http.limits import Limits
from serving.http.request_reader import RequestReader
from tests.serving.http.echo import echo, read_all
from tests.serving.live import ServerProcess, eventually
from tests.serving.load import clients, resident_mib

PREDICT = "/v1/models/customer-example:predict"
BODY = json.dumps({"instances": [EXAMPLE_INSTANCE]}).encode()
HEAD = b"GET / HTTP/1.1\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
MUCH = 205_000_000
MOST_MIB = 12.0
ENDLESS = {
    "method": (b"GE", b"T", 501),
    "space behind the method": (b"GET ", b" ", 431),
    "target": (b"GET /", b"a", 431),
    "space behind the target": (b"GET / ", b" ", 431),
    "header name": (HEAD, b"a", 431),
    "header value": (HEAD + b"a: ", b"a", 431),
    "space before a header value": (HEAD + b"a:", b" ", 431),
    "Connection header": (HEAD + b"Connection: ", b"close, ", 431),
    "Content-Length of zeros": (HEAD + b"Content-Length: ", b"0", 431),
    "header lines": (HEAD, b"a:\r\n", 431),
    "lines before a request": (b"", b"\r\n", 400),
    "lines behind a request": (b"GET /v1/models/customer-example HTTP/1.1\r\n\r\n", b"\r\n", 400),
    "chunk size": (CHUNKED, b"0", 400),
    "chunk extension's name": (CHUNKED + b"1;", b"a", 400),
    "chunk extension's value": (CHUNKED + b"1;a=", b"a", 400),
    "chunk extension's quoted value": (CHUNKED + b'1;a="', b"a", 400),
    "chunk extensions": (CHUNKED + b"1", b";a=b", 400),
    "chunks with extensions": (CHUNKED, b"1;" + b"a" * 60 + b"\r\nx\r\n", 400),
    "trailer name": (CHUNKED + b"1\r\nx\r\n0\r\n", b"a", 400),
    "trailer value": (CHUNKED + b"1\r\nx\r\n0\r\na: ", b"a", 400),
    "trailer lines": (CHUNKED + b"1\r\nx\r\n0\r\n", b"a:\r\n", 400),
}


def connect(server: ServerProcess) -> socket.socket:
    url = urlsplit(server.url)
    return socket.create_connection((url.hostname or "", url.port or 0), timeout=30)


def send_without_end(
    connection: socket.socket, data: bytes, unit: bytes, size: int, process: int
) -> tuple[bytes, float]:
    """Sends until it is told that the connection ends, or enough was sent.

    Returns what it is told, and the largest memory of the server meanwhile.
    """
    piece = unit * (size // len(unit))
    sent, largest, said = 0, 0.0, b""
    connection.sendall(data)
    while sent < MUCH and b"Connection: close" not in said:
        with suppress(OSError):  # it may be answered and closed by now
            connection.sendall(piece)
        sent += len(piece)
        if sent % 1_000_000 < len(piece):
            largest = max(largest, resident_mib(process))
        if select.select([connection], [], [], 0)[0]:
            said += connection.recv(65536)
    return said + read_all(connection), max(largest, resident_mib(process))


@pytest.fixture
def server(golden_server: ServerProcess) -> Iterator[ServerProcess]:
    yield golden_server
    assert "Traceback" not in golden_server.log.read_text()


@pytest.mark.parametrize("size", [1000, 1_000_000])
@pytest.mark.parametrize("kind", ENDLESS)
def test_what_has_no_end_is_refused_at_once_and_harms_nobody(kind: str, size: int, server: ServerProcess) -> None:
    head, unit, status = ENDLESS[kind]
    with clients(server, PREDICT, BODY, number=1) as beside, connect(server) as connection:
        eventually(lambda: beside.total() > 20)
        before, so_far = resident_mib(server.process.pid), beside.total()
        answer, largest = send_without_end(connection, head, unit, size, server.process.pid)
        eventually(lambda: beside.total() > so_far)
    answer = answer[answer.rindex(b"HTTP/1.1 ") :]
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"Connection: close" in answer
    assert largest < before + MOST_MIB
    assert beside.wrong == []


def test_a_body_in_chunks_of_two_bytes_takes_no_more_memory_than_it_has(server: ServerProcess) -> None:
    with connect(server) as connection:
        before = resident_mib(server.process.pid)
        connection.sendall(CHUNKED.replace(b" / ", b" %b " % PREDICT.encode()))
        for _ in range(200):
            connection.sendall(b"2\r\n  \r\n" * 10_000)
        largest = resident_mib(server.process.pid)
        connection.sendall(b"0\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
    assert largest < before + 2 * MOST_MIB


class Receiver:
    """Keeps what a reader tells of."""

    def __init__(self) -> None:
        self.targets: list[str] = []

    def take(self, exchange: Exchange) -> None:
        self.targets.append(exchange.target)

    def send(self, *_: object) -> None:
        raise AssertionError("nothing was answered")

    def expect_continue(self) -> None:
        raise AssertionError("nobody asked to")


@pytest.mark.parametrize("size", [1, 1000, 16_384])
@pytest.mark.parametrize("kind", [kind for kind, (*_, status) in ENDLESS.items() if status != 501])
def test_so_much_is_fed_before_it_is_refused(kind: str, size: int) -> None:
    head, unit, status = ENDLESS[kind]
    limits = Limits(header_bytes=10_000)
    reader = RequestReader(limits, time.monotonic, Receiver())
    assert reader.feed(head) is None
    fed, piece = 0, (unit * size)[:size] if len(unit) < size else unit
    while (refusal := reader.feed(piece)) is None:
        fed += len(piece)
        assert fed < 2 * limits.header_bytes + 2 * 16_384
    assert refusal[0] == status


@pytest.mark.parametrize("size", [1, 700, 16_384])
@pytest.mark.parametrize(
    "head",
    [
        b"GET /%b HTTP/1.1\r\n\r\n" % (b"a" * 9999),
        HEAD + b"a: %b\r\n\r\n" % (b"a" * 9990),
        HEAD + b"%b: a\r\n\r\n" % (b"a" * 9990),
        HEAD + b"aa: bb\r\n" * 2400 + b"\r\n",
        b"\r\n" * 5000 + HEAD + b"\r\n",
        CHUNKED + b"1\r\nx\r\n" * 50_000 + b"0\r\n\r\n",
        CHUNKED + (b"1;a=%b\r\nx\r\n" % (b"a" * 9000)) + b"0\r\na: %b\r\n\r\n" % (b"a" * 9000),
    ],
)
def test_what_is_large_but_within_the_limits_is_taken(head: bytes, size: int) -> None:
    receiver = Receiver()
    reader = RequestReader(Limits(header_bytes=10_000), time.monotonic, receiver)
    data = head + b"GET /next HTTP/1.1\r\n\r\n"
    for at in range(0, len(data), size):
        assert reader.feed(data[at : at + size]) is None
    assert receiver.targets[1:] == ["/next"]


def test_a_length_of_thousands_of_digits_is_refused() -> None:
    with echo() as server:
        said = server.talk(HEAD + b"Content-Length: %b1\r\n\r\n" % (b"0" * 5000))
    assert said.startswith(b"HTTP/1.1 400 Bad Request")
