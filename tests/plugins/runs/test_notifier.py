"""Who is told of a run: a real webhook, a real SMTP conversation, and silence where nobody is needed."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_string
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from airflow.sdk import DAG, Connection

from ml.errors import SettingsError
from ml.pipeline.step_names import STEPS
from retraining.runs.notifier import RunNotifier, notifiers

RUN = "manual__2026-11-23T00:00:00+00:00"
FAILED = {"outcome": "failed", "error": {"type": "TransientError", "what": "Kaggle answered 503.", "cure": "Wait."}}
REJECTED = {"outcome": "skipped", "skipped_because": "rejected"}
VERDICT = {"artifact": {"promotes": False, "reasons": [{"code": "x", "sentence": "AUC is 0.8100 <b>below</b> 0.85."}]}}


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RETRAIN_ROOT", str(tmp_path))
    return tmp_path


def context(root: Path, reason: str, **results: Any) -> Any:
    for step, result in results.items():
        file = root / "runs" / RUN / "results" / f"{step}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"step": step, "outcome": "done", **result}))
    return {"dag": DAG("customer_retraining", schedule=None), "run_id": RUN, "reason": reason}


def rejected(root: Path) -> Any:
    done: dict[str, Any] = {step: {} for step in STEPS[:-1]}
    return context(root, "success", **done | {"judge": VERDICT, "promote": REJECTED})


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str | None, dict[str, Any]]]]:
    """What was posted to the URL of the Connection `chat`: authorization and JSON."""
    posted: list[tuple[str | None, dict[str, Any]]] = []

    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            posted.append((self.headers["Authorization"], content))
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
        "vague": Connection(conn_id="vague", conn_type="http", host="example.com"),
    }
    monkeypatch.setattr(Connection, "get", classmethod(lambda _cls, conn_id: known[conn_id]))
    with serving(server):
        yield posted


def test_nobody_is_told_unless_somebody_is_named() -> None:
    assert notifiers({}) is None
    assert notifiers({"RETRAIN_NOTIFY": " "}) is None
    assert len(notifiers({"RETRAIN_NOTIFY": "webhook:chat mailto:ops@example.com"}) or ()) == 2


@pytest.mark.parametrize("destination", ["ops@example.com", "slack:chat", "webhook:", "http://example.com/hook"])
def test_a_destination_of_an_unknown_kind_is_named(destination: str) -> None:
    with pytest.raises(SettingsError, match=r"RETRAIN_NOTIFY: .* is not a destination.*webhook:CONNECTION"):
        notifiers({"RETRAIN_NOTIFY": destination})


def test_a_failed_run_is_told_with_fact_and_cure(root: Path, webhook: list[Any]) -> None:
    RunNotifier("webhook:chat")(context(root, "task_failure", ingest=FAILED))
    ((authorization, told),) = webhook
    assert authorization == "Bearer s3cret"
    assert (told["outcome"], told["run_id"], told["dag_id"]) == ("failed", RUN, "customer_retraining")
    assert told["text"].splitlines() == [
        f"customer_retraining: failed (run {RUN})",
        "- step ingest failed",
        "- Kaggle answered 503.",
        "- Wait.",
    ]


def test_blocked_data_are_told_with_the_findings(root: Path, webhook: list[Any]) -> None:
    error = {"type": "BlockedError", "what": "...", "cure": "Fix it.", "findings": ["Column 'Age': 12 rows."]}
    blocked = {"outcome": "failed", "error": error}
    RunNotifier("webhook:chat")(context(root, "task_failure", ingest={}, validate=blocked))
    assert webhook[0][1]["outcome"] == "blocked"
    assert webhook[0][1]["reasons"] == ["step validate failed", "Column 'Age': 12 rows.", "Fix it."]


def test_a_rejection_is_told_although_its_run_is_green(root: Path, webhook: list[Any]) -> None:
    RunNotifier("webhook:chat")(rejected(root))
    assert webhook[0][1]["outcome"] == "rejected"
    assert webhook[0][1]["reasons"] == ["AUC is 0.8100 <b>below</b> 0.85."]


def test_a_run_that_left_nothing_is_told_as_failed(root: Path, webhook: list[Any]) -> None:
    RunNotifier("webhook:chat")(context(root, "timed_out"))
    assert webhook[0][1]["outcome"] == "failed"
    assert "No step left a result" in webhook[0][1]["text"]


def test_a_run_that_needs_nobody_is_not_reported(root: Path, webhook: list[Any]) -> None:
    everything: dict[str, Any] = {step: {} for step in STEPS}
    RunNotifier("webhook:chat")(context(root, "success", **everything))
    unchanged = {"outcome": "skipped", "skipped_because": "unchanged"}
    RunNotifier("webhook:chat")(context(root, "success", ingest=unchanged))
    RunNotifier("webhook:chat")(context(root, "success", ingest=FAILED))  # somebody has marked it as successful
    assert webhook == []


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ({"exception": ValueError("Version 2 broke its probation.")}, "Version 2 broke its probation."),
        ({}, "The log of its task says what was in the way."),
    ],
)
def test_a_command_that_failed_is_told_with_what_it_said(
    webhook: list[Any], failure: dict[str, Any], said: str
) -> None:
    told: Any = {"dag": DAG("customer_probation", schedule=None), "run_id": RUN, **failure}
    RunNotifier("webhook:chat")(told)
    assert webhook[0][1]["text"] == f"customer_probation: failed (run {RUN})\n- {said}"


def test_a_connection_without_a_url_is_named(root: Path, webhook: list[Any]) -> None:
    with pytest.raises(SettingsError, match="Connection vague: its host is not a URL"):
        RunNotifier("webhook:vague")(context(root, "task_failure", ingest=FAILED))
    assert webhook == []


def test_a_redirect_is_not_followed_and_tells_nobody(root: Path, webhook: list[Any]) -> None:
    with pytest.raises(HTTPError, match="302"):
        RunNotifier("webhook:moved")(context(root, "task_failure", ingest=FAILED))
    assert len(webhook) == 1, "the token went nowhere else"


@pytest.mark.parametrize(("connection", "header"), [("newline", "Bearer s3cret"), ("secret", None)])
def test_a_password_is_a_token_or_the_url(root: Path, webhook: list[Any], connection: str, header: str | None) -> None:
    RunNotifier(f"webhook:{connection}")(context(root, "task_failure", ingest=FAILED))
    ((authorization, told),) = webhook
    assert (authorization, told["outcome"]) == (header, "failed")


def test_a_mail_is_sent_by_the_smtp_connection(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mails: list[str] = []

    class Smtp(socketserver.StreamRequestHandler):
        """As much of RFC 5321 as a client needs to hand over one mail."""

        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline().decode().strip():
                if line.upper() == "DATA":
                    self.wfile.write(b"354 go on\r\n")
                    lines = []
                    while (text := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                        lines.append(text)
                    mails.append("\n".join(lines))
                self.wfile.write(b"250 ok\r\n")
                if line.upper() == "QUIT":
                    return

    server = socketserver.TCPServer(("127.0.0.1", 0), Smtp)
    smtp = {
        "conn_type": "smtp",
        "host": "127.0.0.1",
        "port": server.server_address[1],
        "extra": {"disable_ssl": True, "disable_tls": True, "from_email": "airflow@example.com"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(smtp))
    with serving(server):
        RunNotifier("mailto:ops@example.com")(rejected(root))
    (mail,) = map(message_from_string, mails)
    assert (mail["To"], mail["From"]) == ("ops@example.com", "airflow@example.com")
    assert mail["Subject"] == f"customer_retraining: rejected (run {RUN})"
    (part,) = [part for part in mail.walk() if part.get_content_type() == "text/html"]
    body = part.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert "AUC is 0.8100 &lt;b&gt;below&lt;/b&gt; 0.85." in body.decode()
