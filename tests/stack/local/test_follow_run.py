"""Following a run over HTTP: an answer that stays away for a while does not end it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ml.storage.root import Root
from stack.local import retrain
from stack.local.airflow.api import AirflowApi
from stack.local.errors import NoAnswerError
from stack.local.run_follower import RunFollower


@contextmanager
def airflow(states: list[str | int | None]) -> Iterator[AirflowApi]:
    """An API that answers with these in turn, the last for ever: a state, a status, or None, which hangs up."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state = states.pop(0) if len(states) > 1 else states[0]
            if state is None:
                self.close_connection = True
                return
            body = json.dumps({"state": state}).encode()
            self.send_response(state if isinstance(state, int) else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield AirflowApi(f"http://127.0.0.1:{server.server_address[1]}", "secret", "token")
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def follower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFollower:
    monkeypatch.setattr(retrain, "STATE_SECONDS", 0.0)
    return RunFollower(Root(tmp_path), "manual__1")


def test_following_goes_on_when_an_answer_stays_away(follower: RunFollower) -> None:
    with airflow(["running", None, 503, None, "running", 500, "success"]) as api:
        assert retrain._follow(api, follower, "manual__1", lambda: True) == "success"


def test_following_ends_when_airflow_is_silent_for_too_long(
    follower: RunFollower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrain, "SILENCE_SECONDS", 0.5)
    with airflow(["running", None]) as api, pytest.raises(NoAnswerError, match="does not answer"):
        retrain._follow(api, follower, "manual__1", lambda: True)


def test_following_ends_at_once_when_the_stack_is_down(follower: RunFollower) -> None:
    with airflow(["running", None]) as api, pytest.raises(NoAnswerError, match="does not answer"):
        retrain._follow(api, follower, "manual__1", lambda: False)
