"""The HTTP underneath: what a connection does with odd, slow, large and many requests. No TensorFlow involved."""

import socket
import time
from collections.abc import Iterator

import pytest

from serving.http.limits import Limits
from tests.serving.http.echo import Echo, echo, read_all
from tests.serving.live import eventually


@pytest.fixture(scope="module")
def server() -> Iterator[Echo]:
    with echo(Limits(body_bytes=1000, header_bytes=5000, receive_seconds=0.5, answer_seconds=0.5)) as running:
        yield running


def test_pipelined_requests_are_answered_in_order(server: Echo) -> None:
    said = server.talk(b"".join(b"GET /%d HTTP/1.1\r\n\r\n" % number for number in range(50)))
    assert said.count(b"HTTP/1.1 200 OK") == 50
    assert [said.index(b"GET /%d " % number) for number in range(50)] == sorted(
        said.index(b"GET /%d " % number) for number in range(50)
    )


def test_a_chunked_body_and_a_request_in_single_bytes(server: Echo) -> None:
    request = b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    with server.connect() as connection:
        for at in range(len(request)):
            connection.sendall(request[at : at + 1])
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection).endswith(b"POST /x abcde")


def test_head_has_the_length_but_no_body(server: Echo) -> None:
    said = server.talk(b"HEAD /x HTTP/1.1\r\n\r\n")
    assert b"Content-Length: 8\r\n" in said
    assert said.endswith(b"\r\n\r\n")


def test_a_connection_is_kept_unless_the_client_wants_otherwise(server: Echo) -> None:
    with server.connect() as connection:
        connection.sendall(b"GET /1 HTTP/1.1\r\n\r\n")
        assert b"Connection: close" not in connection.recv(65536)
        connection.sendall(b"GET /2 HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert b"Connection: close" in read_all(connection)
    with server.connect() as connection:
        connection.sendall(b"GET /3 HTTP/1.1\r\nConnection: close\r\n\r\nGET /4 HTTP/1.1\r\n\r\n")
        assert read_all(connection).endswith(b"GET /3 ")


def test_http_1_0_is_kept_when_the_client_asks_for_it_and_told_so(server: Echo) -> None:
    with server.connect() as connection:
        for number in range(3):
            connection.sendall(b"GET /%d HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" % number)
            said = connection.recv(65536)
            assert said.startswith(b"HTTP/1.0 200 OK\r\n")
            assert b"Connection: keep-alive\r\n" in said
            assert said.endswith(b"GET /%d " % number)
        connection.sendall(b"GET /3 HTTP/1.0\r\n\r\n")
        said = read_all(connection)
        assert b"Connection: close\r\n" in said
        assert said.endswith(b"GET /3 ")


def test_fields_behind_a_chunked_body_say_nothing() -> None:
    with echo() as server:
        said = server.talk(
            b"POST /gzipped HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n"
            b"Content-Encoding: gzip\r\n\r\n"
            b"POST /gzipped HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n"
        )
    assert said.index(b"POST /gzipped False ab") < said.index(b"POST /gzipped True ")


@pytest.mark.parametrize(
    "framing",
    [b"Content-Length: 2\r\n\r\nhi", b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"],
)
def test_a_wish_to_upgrade_is_ignored(framing: bytes, server: Echo) -> None:
    wish = b"HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n"
    requests = b"POST /x %b%bGET /y %b\r\nGET /z HTTP/1.1\r\n\r\n" % (wish, framing, wish)
    said = server.talk(requests)
    assert said.count(b"HTTP/1.1 200 OK") == 3
    assert said.index(b"POST /x hi") < said.index(b"GET /y ") < said.index(b"GET /z ")
    with server.connect() as connection:  # in single bytes
        for at in range(len(requests)):
            connection.sendall(requests[at : at + 1])
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection).count(b"HTTP/1.1 200 OK") == 3


def test_nothing_follows_a_connect(server: Echo) -> None:
    with server.connect() as connection:
        connection.sendall(b"CONNECT a:1 HTTP/1.1\r\n\r\n")
        assert b"Connection: close" in read_all(connection)


def test_continue_is_said_before_the_body_is_sent(server: Echo) -> None:
    with server.connect() as connection:
        connection.sendall(b"POST /x HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"hi")
        assert connection.recv(65536).endswith(b"POST /x hi")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"FOO / HTTP/1.1\r\n\r\n", b"501 Not Implemented"),
        (b"GET / HTTX/1.1\r\n\r\n", b"400 Bad Request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"501 Not Implemented"),
        (b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 6000 + b"\r\n\r\n", b"431 Request Header Fields Too Large"),
        (b"POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n", b"413 "),
        (b"POST / HTTP/1.1\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n", b"413 "),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"a" * 1001, b"413 "),
    ],
)
def test_what_is_not_worth_reading_is_refused(data: bytes, status: bytes, server: Echo) -> None:
    said = server.talk(data)
    assert said.startswith(b"HTTP/1.1 " + status)
    assert b"Connection: close" in said


def test_a_refusal_comes_after_the_answers_before_it(server: Echo) -> None:
    said = server.talk(b"GET /1 HTTP/1.1\r\n\r\nFOO / HTTP/1.1\r\n\r\n")
    assert said.index(b"200 OK") < said.index(b"501 Not Implemented")


def test_a_large_body_is_told_413_although_it_is_sent_on(server: Echo) -> None:
    with server.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 200000000\r\n\r\n")
        sent = 0
        while sent < 20_000_000:  # a client that writes before it reads
            try:
                sent += connection.send(b"a" * 100_000)
            except OSError:
                break
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_request_that_never_ends_is_given_up(server: Echo) -> None:
    with server.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc")
        assert read_all(connection).startswith(b"HTTP/1.1 408 Request Timeout")


def test_an_answer_that_never_comes_is_given_up(server: Echo) -> None:
    with server.connect() as connection:
        connection.sendall(b"GET /later HTTP/1.1\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 504 Gateway Timeout")
        server.release()
        connection.sendall(b"GET /now HTTP/1.1\r\n\r\n")
        assert connection.recv(65536).endswith(b"GET /now ")


def test_a_client_that_leaves_harms_nobody(server: Echo) -> None:
    with server.connect() as connection:
        connection.sendall(b"GET /later HTTP/1.1\r\n\r\n")
        while not server.waiting:
            time.sleep(0.01)
    server.release()
    assert server.talk(b"GET /still-here HTTP/1.1\r\n\r\n").endswith(b"GET /still-here ")


def test_stopping_answers_what_is_in_flight_and_what_is_on_its_way() -> None:
    with echo() as server, server.connect() as busy, server.connect() as arriving, server.connect() as idle:
        busy.sendall(b"GET /later HTTP/1.1\r\n\r\n")
        arriving.sendall(b"POST /half HTTP/1.1\r\nContent-Length: 4\r\n\r\nab")
        while not server.waiting:
            time.sleep(0.01)
        server.stop()
        assert idle.recv(65536) == b""  # closed, as nothing came
        with pytest.raises(OSError):  # noqa: PT011 - refused or reset, as the system likes
            server.connect()
        arriving.sendall(b"cd")
        assert b"Connection: close" in (said := read_all(arriving))
        assert said.endswith(b"POST /half abcd")
        assert not server.stopped.is_set()
        server.release()
        assert read_all(busy).endswith(b"GET /later ")
        assert server.stopped.wait(5)


def test_stopping_does_not_wait_for_ever() -> None:
    with echo(Limits(stop_seconds=0.3)) as server, server.connect() as stuck:
        stuck.sendall(b"POST /half HTTP/1.1\r\nContent-Length: 4\r\n\r\nab")
        time.sleep(0.05)
        server.stop()
        assert server.stopped.wait(5)


def test_five_hundred_slow_clients_leave_room_for_a_quick_one() -> None:
    with echo(Limits(receive_seconds=60, stop_seconds=0.1)) as server:
        slow = [server.connect() for _ in range(500)]
        try:
            for connection in slow:
                connection.sendall(b"P")
            assert server.talk(b"GET /quick HTTP/1.1\r\n\r\n").endswith(b"GET /quick ")
        finally:
            for connection in slow:
                connection.close()


@pytest.mark.parametrize("before", [b"", b"GET /busy HTTP/1.1\r\n\r\n" * 12], ids=["alone", "pipelined"])
def test_work_ends_when_its_client_closes_its_side_and_an_answer_to_others_is_sent(before: bytes, server: Echo) -> None:
    with server.connect() as connection:
        connection.sendall(before + b"GET /work HTTP/1.1\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection).count(b"GET /busy ") == before.count(b"GET")
    assert server.waiting.pop().answered, "the client is gone"
    with server.connect() as connection:
        connection.sendall(b"GET /later HTTP/1.1\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        eventually(lambda: server.waiting)
        server.release()
        assert read_all(connection).endswith(b"GET /later ")
