"""Requests behind one that is still being answered: each is answered, in order, and nobody else is held up."""

import select
import socket
import struct
import time
from collections.abc import Callable, Iterator

import pytest

from serving.http.limits import Limits
from tests.serving.http.echo import Echo, echo, read_all
from tests.serving.live import eventually

LATER = b"GET /later HTTP/1.1\r\n\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Echo]:
    with echo(Limits(body_bytes=1000, answer_seconds=20)) as running:
        yield running


def after_release(server: Echo, connection: socket.socket) -> bytes:
    eventually(lambda: server.waiting)
    time.sleep(0.05)  # for what is sent behind it
    server.release()
    return read_all(connection)


@pytest.mark.parametrize(
    ("behind", "answers"),
    [
        (b"GET /last HTTP/1.1\r\nConnection: close\r\n\r\n", [b"GET /later ", b"GET /last "]),
        (b"GET /last HTTP/1.0\r\n\r\n", [b"GET /later ", b"GET /last "]),
        (b"GET /1 HTTP/1.1\r\n\r\nFOO / HTTP/1.1\r\n\r\n", [b"GET /later ", b"GET /1 ", b"501 Not Implemented"]),
        (b"GET / HTTX/1.1\r\n\r\n", [b"GET /later ", b"400 Bad Request"]),
        (b"POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n", [b"GET /later ", b" 413 "]),
    ],
)
def test_what_comes_behind_is_answered_too(behind: bytes, answers: list[bytes], server: Echo) -> None:
    with server.connect() as connection:
        connection.sendall(LATER + behind)
        said = after_release(server, connection)
    assert said.count(b"HTTP/1.") == len(answers)
    assert [said.index(answer) for answer in answers] == sorted(said.index(answer) for answer in answers)
    assert said.count(b"Connection: close") == 1


def test_a_client_that_has_said_all_hears_all(server: Echo) -> None:
    with server.connect() as connection:
        connection.sendall(LATER + b"GET /1 HTTP/1.1\r\n\r\n" * 3)
        connection.shutdown(socket.SHUT_WR)
        assert after_release(server, connection).count(b"200 OK") == 4


def test_a_stopping_server_answers_all_that_came() -> None:
    with echo(Limits(stop_seconds=20)) as server, server.connect() as connection:
        connection.sendall(LATER + b"GET /1 HTTP/1.1\r\n\r\n" * 4)
        eventually(lambda: server.waiting)
        server.stop()
        said = after_release(server, connection)
        assert said.count(b"200 OK") == 5
        assert said.count(b"Connection: close") == 1


def test_a_stopping_server_says_so_to_whom_it_cannot_wait_for() -> None:
    with echo(Limits(stop_seconds=0.3)) as server, server.connect() as connection:
        connection.sendall(LATER)
        eventually(lambda: server.waiting)
        server.stop()
        said = read_all(connection)
        assert said.startswith(b"HTTP/1.1 503 ")
        assert b"The server is stopping." in said


def test_a_client_with_many_requests_does_not_hold_up_others(server: Echo) -> None:
    many = 1000
    with server.connect() as greedy, server.connect() as modest:
        greedy.sendall(b"GET /busy HTTP/1.1\r\n\r\n" * many)
        modest.sendall(b"GET /quick HTTP/1.1\r\n\r\n")
        assert modest.recv(65536).endswith(b"GET /quick ")
        so_far = 0
        while select.select([greedy], [], [], 0)[0]:
            so_far += greedy.recv(1 << 20).count(b"200 OK")
        assert so_far < many / 2
        greedy.shutdown(socket.SHUT_WR)
        assert so_far + read_all(greedy).count(b"200 OK") in (many - 1, many)  # one may be cut in two by our reading


def test_no_more_bodies_are_taken_in_than_may_be_in_one(server: Echo) -> None:
    with server.connect() as connection:
        connection.sendall(LATER)
        eventually(lambda: server.waiting)
        for _ in range(30):
            connection.sendall(b"POST /x HTTP/1.1\r\nContent-Length: 900\r\n\r\n" + b"a" * 900)
            time.sleep(0.005)
        held = max(one._queue.body_bytes for one in server.server._connections)
        assert 0 < held < 30 * 900 / 2
        server.release()
        said = b""
        while said.count(b"200 OK") < 31:
            said += connection.recv(65536)


def test_half_a_request_behind_one_that_is_late_does_not_keep_it_from_being_given_up() -> None:
    with echo(Limits(answer_seconds=0.5, receive_seconds=0.2)) as server, server.connect() as connection:
        connection.sendall(LATER + b"GET /never")
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection).startswith(b"HTTP/1.1 504 ")


@pytest.mark.parametrize("line", [b"", b"Connection: close\r\n"])
def test_who_does_not_take_his_answer_is_hung_up_on(line: bytes) -> None:
    with echo(Limits(receive_seconds=0.5)) as server, server.connect() as connection:
        connection.sendall(b"GET /large50000000 HTTP/1.1\r\n%b\r\n" % line)
        eventually(lambda: server.server._connections)
        eventually(lambda: not server.server._connections, within=15)


def closed(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_WR)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("leave", [closed, reset])
def test_who_leaves_in_the_middle_of_a_request_is_forgotten(leave: Callable[[socket.socket], None]) -> None:
    with echo() as server, server.connect() as connection:
        connection.sendall(b"POST /x HTTP/1.1\r\nContent-Length: 900\r\n\r\nabc")
        eventually(lambda: server.server._connections)
        leave(connection)
        eventually(lambda: not server.server._connections)
