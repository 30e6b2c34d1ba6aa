"""How people are told: by a real webhook and a real SMTP conversation, to whoever is named."""

from __future__ import annotations

import hmac
import json
import socketserver
import time
from email import message_from_string
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from ml.errors import SettingsError
from retraining.runs.notifier import RunNotifier, notifiers
from retraining.runs.occasions import (
    retraining_ended,
)
from tests.plugins.runs.ended_runs import FAILED, RUN, SECRET, context, rejected, serving


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With the Connections of the environment, which other tests do without."""
    monkeypatch.setenv("RETRAIN_ROOT", str(tmp_path))
    return tmp_path


def test_nobody_is_told_unless_somebody_is_named() -> None:
    assert notifiers(retraining_ended, {}) is None
    assert notifiers(retraining_ended, {"RETRAIN_NOTIFY": " "}) is None
    assert len(notifiers(retraining_ended, {"RETRAIN_NOTIFY": "webhook:chat mailto:ops@example.com"}) or ()) == 2


@pytest.mark.parametrize("destination", ["ops@example.com", "slack:chat", "webhook:", "http://example.com/hook"])
def test_a_destination_of_an_unknown_kind_is_named(destination: str) -> None:
    with pytest.raises(SettingsError, match=r"RETRAIN_NOTIFY: .* is not a destination.*webhook:CONNECTION"):
        notifiers(retraining_ended, {"RETRAIN_NOTIFY": destination})


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
