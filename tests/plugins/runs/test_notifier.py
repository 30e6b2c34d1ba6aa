"""Who is told of a run: a real webhook, a real SMTP conversation, and silence where nobody is needed."""

from __future__ import annotations

import hmac
import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_string
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError

import pytest
from airflow.sdk import DAG, Connection

from ml.errors import SettingsError
from ml.pipeline.step_names import STEPS
from ml.registry.ledger.ledger import Ledger
from retraining.runs.notifier import RunNotifier, notifiers
from retraining.runs.occasions import (
    command_failed,
    probation_failed,
    quarantine_done,
    question_answered,
    question_asked,
    retraining_ended,
    rolled_back,
)
from retraining.runs.webhook import SIGNATURE

SECRET = "0123456789abcdef0123456789abcdef"
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


def test_nobody_is_told_unless_somebody_is_named() -> None:
    assert notifiers(retraining_ended, {}) is None
    assert notifiers(retraining_ended, {"RETRAIN_NOTIFY": " "}) is None
    assert len(notifiers(retraining_ended, {"RETRAIN_NOTIFY": "webhook:chat mailto:ops@example.com"}) or ()) == 2


@pytest.mark.parametrize("destination", ["ops@example.com", "slack:chat", "webhook:", "http://example.com/hook"])
def test_a_destination_of_an_unknown_kind_is_named(destination: str) -> None:
    with pytest.raises(SettingsError, match=r"RETRAIN_NOTIFY: .* is not a destination.*webhook:CONNECTION"):
        notifiers(retraining_ended, {"RETRAIN_NOTIFY": destination})


def test_a_failed_run_is_told_with_fact_and_cure(root: Path, webhook: list[Any]) -> None:
    RunNotifier("webhook:chat", retraining_ended)(context(root, "task_failure", ingest=FAILED))
    ((authorization, told),) = webhook
    assert authorization == "Bearer s3cret"
    assert (told["outcome"], told["run_id"], told["dag_id"]) == ("failed", RUN, "customer_retraining")
    page = RUN.replace(":", "%3A").replace("+", "%2B")
    assert told["text"].splitlines() == [
        f"customer_retraining: failed (run {RUN})",
        "Failed at ingest: Kaggle answered 503. Wait.",
        "- step ingest failed",
        "To do: Do what the last reason says, then clear the red task.",
        f"Run: /dags/customer_retraining/runs/{page}",
        "Models: /retraining/models",
        f"Report: /retraining/runs/{page}/report",
    ]
    assert told["why"] == "Failed at ingest: Kaggle answered 503. Wait."
    assert told["action"] == "Do what the last reason says, then clear the red task."
    assert set(told) == {"text", "dag_id", "run_id", "outcome", "why", "action", "reasons", "links"}


def test_blocked_data_are_told_with_the_findings(root: Path, webhook: list[Any]) -> None:
    error = {"type": "BlockedError", "what": "...", "cure": "Fix it.", "findings": ["Column 'Age': 12 rows."]}
    blocked = {"outcome": "failed", "error": error}
    RunNotifier("webhook:chat", retraining_ended)(context(root, "task_failure", ingest={}, validate=blocked))
    assert webhook[0][1]["outcome"] == "blocked"
    assert webhook[0][1]["reasons"] == ["step validate failed", "Column 'Age': 12 rows.", "Fix it."]


def test_a_rejection_is_told_although_its_run_is_green(root: Path, webhook: list[Any]) -> None:
    RunNotifier("webhook:chat", retraining_ended)(rejected(root))
    assert webhook[0][1]["outcome"] == "rejected"
    assert webhook[0][1]["reasons"] == ["AUC is 0.8100 <b>below</b> 0.85."]


def test_a_run_that_left_nothing_is_told_as_failed(root: Path, webhook: list[Any]) -> None:
    RunNotifier("webhook:chat", retraining_ended)(context(root, "timed_out"))
    assert webhook[0][1]["outcome"] == "failed"
    assert "no step left a result" in webhook[0][1]["text"]


def test_a_promotion_is_told_and_asks_for_nothing(root: Path, webhook: list[Any]) -> None:
    RunNotifier("webhook:chat", retraining_ended)(context(root, "success", **{step: {} for step in STEPS}))
    assert (webhook[0][1]["outcome"], webhook[0][1]["action"]) == ("promoted", "Nothing to do.")


@pytest.mark.parametrize(("silent", "words"), [("", []), ("none", ["unchanged"]), ("rejected kept", ["unchanged"])])
def test_unchanged_is_silent_unless_somebody_wants_it(
    root: Path, webhook: list[Any], silent: str, words: list[str]
) -> None:
    unchanged = {"outcome": "skipped", "skipped_because": "unchanged"}
    environment = {"RETRAIN_NOTIFY": "webhook:chat", "RETRAIN_NOTIFY_SILENT": silent}
    (notifier,) = notifiers(retraining_ended, environment) or []
    notifier(context(root, "success", ingest=unchanged))
    notifier(context(root, "success", ingest=FAILED))  # somebody has marked it as successful
    assert [told["outcome"] for _, told in webhook] == words


def test_a_word_that_is_no_outcome_is_named() -> None:
    with pytest.raises(SettingsError, match=r"RETRAIN_NOTIFY_SILENT: 'promotd' is no outcome.*promoted"):
        notifiers(retraining_ended, {"RETRAIN_NOTIFY_SILENT": "promotd"})


def waiting(root: Path, what: str = "promotion", outcome: str = "waiting") -> Any:
    done: dict[str, Any] = {step: {} for step in STEPS[:-1]}
    skipped = {"outcome": "skipped", "skipped_because": outcome, "error": {"what": "A person decides."}}
    told = context(root, "success", **done | {"promote": skipped})
    return told | {"params": {"run": RUN, "what": what}}


def test_who_waits_is_told_by_the_question_and_not_by_the_run(root: Path, webhook: list[Any]) -> None:
    RunNotifier("webhook:chat", retraining_ended)(waiting(root))
    assert webhook == []
    asked = waiting(root) | {"dag": DAG("customer_approval", schedule=None), "run_id": "approval__1"}
    RunNotifier("webhook:chat", question_asked)(asked)
    RunNotifier("webhook:chat", question_answered)(asked)
    ((_, told),) = webhook
    assert (told["outcome"], told["dag_id"], told["run_id"]) == ("waiting", "customer_retraining", RUN)
    assert told["why"] == "Waiting for approval: A person decides."
    assert told["action"].startswith("Answer in customer_approval")


def test_an_answer_is_told(root: Path, webhook: list[Any]) -> None:
    RunNotifier("webhook:chat", question_answered)(waiting(root, outcome="refused"))
    assert webhook[0][1]["outcome"] == "refused"


def test_a_question_goes_on_although_nobody_can_be_told(root: Path, webhook: list[Any]) -> None:
    (notifier,) = notifiers(question_asked, {"RETRAIN_NOTIFY": "webhook:vague"}, quietly=True) or []
    notifier(waiting(root))
    assert webhook == []


@pytest.mark.parametrize(
    ("tell", "params", "outcome", "why"),
    [
        (rolled_back, {"version": None}, "rolled back", "An older version serves again: complaints"),
        (
            quarantine_done,
            {"action": "quarantine", "subject": "3"},
            "quarantined",
            "3 is in quarantine: complaints",
        ),
        (quarantine_done, {"action": "end the hold"}, "hold ended", "The hold after a rollback is over: complaints"),
    ],
)
def test_what_a_person_did_is_told_in_a_word(
    webhook: list[Any], tell: Any, params: dict[str, Any], outcome: str, why: str
) -> None:
    told: Any = {"dag": DAG("customer_rollback", schedule=None), "run_id": RUN}
    RunNotifier("webhook:chat", tell)(told | {"params": params | {"reason": "complaints"}})
    assert (webhook[0][1]["outcome"], webhook[0][1]["why"]) == (outcome, why)


@pytest.mark.parametrize(("at", "outcome"), [("00:10", "rolled back"), ("00:04", "failed")])
def test_a_probation_that_went_back_is_told_from_a_check_that_failed(
    root: Path, webhook: list[Any], at: str, outcome: str
) -> None:
    ledger = Ledger(root / "ledger.jsonl", clock=lambda: datetime.fromisoformat(f"2026-11-23T{at}:00+00:00"))
    ledger.append("restored", run_id="probation__2", version=3, who="airflow")
    began = SimpleNamespace(start_date=datetime(2026, 11, 23, 0, 5, 0, 900, tzinfo=UTC))
    told: Any = {"dag": DAG("customer_probation", schedule=None), "run_id": RUN, "dag_run": began}
    RunNotifier("webhook:chat", probation_failed)(told | {"exception": ValueError("Version 2 broke its probation.")})
    assert (webhook[0][1]["outcome"], webhook[0][1]["why"]) == (outcome, "Version 2 broke its probation.")


def test_the_body_is_signed_with_the_time(root: Path, webhook: list[Any], raw: list[Any]) -> None:
    RunNotifier("webhook:signed", retraining_ended)(rejected(root))
    ((header, body),) = raw
    seconds, _, found = header.removeprefix("t=").partition(",v1=")
    wanted = hmac.new(SECRET.encode(), f"{seconds}.".encode() + body, "sha256").hexdigest()
    assert found == wanted
    assert abs(time.time() - int(seconds)) < 60
    assert len(webhook) == 1


def test_without_a_secret_nothing_is_signed_and_with_a_weak_one_nothing_is_sent(
    root: Path, webhook: list[Any], raw: list[Any]
) -> None:
    RunNotifier("webhook:chat", retraining_ended)(rejected(root))
    assert raw[0][0] is None
    with pytest.raises(SettingsError, match="Connection weak: its signing_secret has fewer than 16 characters"):
        RunNotifier("webhook:weak", retraining_ended)(rejected(root))
    assert len(webhook) == 1


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
    RunNotifier("webhook:chat", command_failed)(told)
    assert webhook[0][1]["text"].startswith(f"customer_probation: failed (run {RUN})\n{said}\nTo do: ")


def test_a_connection_without_a_url_is_named(root: Path, webhook: list[Any]) -> None:
    with pytest.raises(SettingsError, match="Connection vague: its host is not a URL"):
        RunNotifier("webhook:vague", retraining_ended)(context(root, "task_failure", ingest=FAILED))
    assert webhook == []


def test_a_redirect_is_not_followed_and_tells_nobody(root: Path, webhook: list[Any]) -> None:
    with pytest.raises(HTTPError, match="302"):
        RunNotifier("webhook:moved", retraining_ended)(context(root, "task_failure", ingest=FAILED))
    assert len(webhook) == 1, "the token went nowhere else"


@pytest.mark.parametrize(("connection", "header"), [("newline", "Bearer s3cret"), ("secret", None)])
def test_a_password_is_a_token_or_the_url(root: Path, webhook: list[Any], connection: str, header: str | None) -> None:
    RunNotifier(f"webhook:{connection}", retraining_ended)(context(root, "task_failure", ingest=FAILED))
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
        RunNotifier("mailto:ops@example.com", retraining_ended)(rejected(root))
    (mail,) = map(message_from_string, mails)
    assert (mail["To"], mail["From"]) == ("ops@example.com", "airflow@example.com")
    assert mail["Subject"] == f"customer_retraining: rejected (run {RUN})"
    (part,) = [part for part in mail.walk() if part.get_content_type() == "text/html"]
    body = part.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert "AUC is 0.8100 &lt;b&gt;below&lt;/b&gt; 0.85." in body.decode()
