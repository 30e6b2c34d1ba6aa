"""No more is taken in than can be worked on: of one client's bytes, and of clients."""

import socket
import time

from serving.http.limits import Limits
from tests.serving.http.echo import echo, read_all
from tests.serving.live import eventually


def test_ten_thousand_requests_in_one_piece_are_not_all_taken_in_at_once() -> None:
    many = 10_000
    with echo() as server, server.connect() as connection:
        connection.sendall(b"GET /later HTTP/1.1\r\n\r\n")
        eventually(lambda: server.waiting)
        connection.sendall(b"GET /1 HTTP/1.1\r\n\r\n" * many)
        (held,) = server.server._connections
        eventually(lambda: held._buffer.unparsed)
        assert len(held._queue.waiting) < 1000
        server.release()
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection).count(b"200 OK") == many + 1


def test_the_time_to_send_a_request_stands_still_while_nothing_is_read() -> None:
    with echo(Limits(receive_seconds=0.5, answer_seconds=20)) as server, server.connect() as connection:
        connection.sendall(b"GET /later HTTP/1.1\r\n\r\n")
        eventually(lambda: server.waiting)
        half = b"POST /last HTTP/1.1\r\nContent-Length: 4\r\n\r\nab"
        connection.sendall(b"GET /1 HTTP/1.1\r\n\r\n" * 500 + half)
        (held,) = server.server._connections
        eventually(lambda: held._buffer.is_paused)
        time.sleep(1.2)
        server.release()
        connection.sendall(b"cd")
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection).endswith(b"POST /last abcd")


def test_who_connects_when_there_are_enough_is_told_so_and_may_come_later() -> None:
    with echo(Limits(connections=2)) as server, server.connect() as first, server.connect() as second:
        for one in (first, second):
            one.sendall(b"GET /in HTTP/1.1\r\n\r\n")
            assert one.recv(65536).endswith(b"GET /in ")
        with server.connect() as third:
            said = read_all(third)
        assert said.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"\r\nRetry-After: 1\r\n" in said
        assert said.endswith(b'{\n    "error": "2 connections are open already. Try again."\n}')
        first.close()
        eventually(lambda: server.talk(b"GET /after HTTP/1.1\r\n\r\n").endswith(b"GET /after "))
