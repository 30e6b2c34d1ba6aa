"""A root of its own, and a real webhook behind Connections of several kinds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from airflow.sdk import Connection

from retraining.runs.webhook import SIGNATURE
from tests.plugins.runs.ended_runs import SECRET, serving


@pytest.fixture
def raw() -> list[tuple[str | None, bytes]]:
    """The signature and the body of each POST."""
    return []


@pytest.fixture
def webhook(
    monkeypatch: pytest.MonkeyPatch, raw: list[tuple[str | None, bytes]]
) -> Iterator[list[tuple[str | None, dict[str, Any]]]]:
    """What was posted to the URL of the Connection `chat`: authorization and JSON."""
    posted: list[tuple[str | None, dict[str, Any]]] = []

    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            raw.append((self.headers[SIGNATURE], body))
            posted.append((self.headers["Authorization"], json.loads(body)))
            self.send_response(302 if self.path == "/moved" else 204)
            self.send_header("Location", "/hook")
            self.end_headers()

        def do_GET(self) -> None:
            posted.append((self.headers["Authorization"], {}))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = HTTPServer(("127.0.0.1", 0), Page)
    url = f"http://127.0.0.1:{server.server_port}/hook"
    known = {
        "chat": Connection(conn_id="chat", conn_type="http", host=url, password="s3cret"),
        "moved": Connection(conn_id="moved", conn_type="http", host=url.replace("/hook", "/moved"), password="s3cret"),
        "newline": Connection(conn_id="newline", conn_type="http", host=url, password="s3cret\n"),
        "secret": Connection(conn_id="secret", conn_type="http", password=f"{url}\n"),
        "signed": Connection(
            conn_id="signed", conn_type="http", host=url, extra=json.dumps({"signing_secret": SECRET})
        ),
        "weak": Connection(conn_id="weak", conn_type="http", host=url, extra=json.dumps({"signing_secret": "abc"})),
        "vague": Connection(conn_id="vague", conn_type="http", host="example.com"),
    }
    monkeypatch.setattr(Connection, "get", classmethod(lambda _cls, conn_id: known[conn_id]))
    with serving(server):
        yield posted
