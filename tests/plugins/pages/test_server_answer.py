"""How often the model server is asked: seldom while it serves what it should, at once when another version should."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from retraining.pages import server_answer as module
from retraining.pages.server_answer import server_answer


class Server(ThreadingHTTPServer):
    """A model server that says that `version` is AVAILABLE, and counts how often it was asked."""

    version = 3
    asked = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked += 1
        status = {"version": str(self.server.version), "state": "AVAILABLE", "status": {"error_message": ""}}
        body = json.dumps({"model_version_status": [status]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(module, "KEPT_SECONDS", 3600.0)
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


def test_an_answer_counts_while_the_server_serves_what_it_should(server: Server) -> None:
    assert [server_answer(server.url, "m", 3).version for _ in range(3)] == [3, 3, 3]
    assert server.asked == 1


def test_who_has_gone_back_is_told_of_the_new_version(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    assert server_answer(server.url, "m", 3).version == 3
    server.version = 4
    monkeypatch.setattr(module, "DIFFERING_SECONDS", 3600.0)
    assert server_answer(server.url, "m", 4).version == 3, "so many page views ask once"
    monkeypatch.setattr(module, "DIFFERING_SECONDS", 0.0)
    assert server_answer(server.url, "m", 4).version == 4
    assert server_answer(server.url, "m", 4).version == 4
    assert server.asked == 2


def test_a_server_that_does_not_answer_is_not_asked_by_every_page_view(server: Server) -> None:
    url = server.url
    server.shutdown()
    server.server_close()
    first = server_answer(url, "m", 3)
    assert not first.answers
    assert server_answer(url, "m", 4) is first
