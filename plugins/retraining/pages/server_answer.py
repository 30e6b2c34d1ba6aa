"""What the model server says it serves: asked with a deadline, and again only after a few seconds."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from ml.errors import printable
from serving.client.model_client import ModelServer, Refused, ServingError

DEADLINE_SECONDS = 1.0
KEPT_SECONDS = 5.0
DIFFERING_SECONDS = 0.5


@dataclass(frozen=True)
class Answer:
    """What a server said.

    Attributes:
        url: The server's; "" when none is configured.
        answers: Whether anything answered.
        version: The highest version that is available; None when there is none.
        states: What it says of each version, the highest first.
        error: What was in the way; "" when nothing was.
        asked_at: When it was asked.
    """

    url: str
    answers: bool
    version: int | None
    states: tuple[str, ...]
    error: str
    asked_at: datetime


class _Asked(NamedTuple):
    url: str
    model: str


_pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="models-page")
_lock = threading.Lock()
_kept: dict[_Asked, tuple[float, Answer]] = {}
_pending: dict[_Asked, Future[Answer]] = {}


def server_answer(url: str, model: str, expected: int | None) -> Answer:
    """Return what the server says; it waits no longer than the deadline, whatever the server and the resolver do.

    An answer counts for `KEPT_SECONDS`, but for `DIFFERING_SECONDS` only if it names another version than `expected`,
    the one that should serve: who has just gone back, or promoted, must not be told of the version before.
    """
    if not url:
        return Answer("", False, None, (), "", datetime.now(UTC))
    asked = _Asked(url, model)
    with _lock:
        at, known = _kept.get(asked, (0.0, None))
        if known is not None:
            lasts = KEPT_SECONDS if known.version == expected or not known.answers else DIFFERING_SECONDS
            if time.monotonic() < at + lasts:
                return known
        # A question that hangs is not asked a second time beside itself.
        future = _pending.get(asked)
        if future is None or future.done():
            future = _pending[asked] = _pool.submit(_ask, url, model)
    try:
        answer = future.result(timeout=DEADLINE_SECONDS)
    except TimeoutError:
        answer = _silent(url, f"no answer within {DEADLINE_SECONDS:g} s")
    with _lock:
        _kept[asked] = time.monotonic(), answer
    return answer


def _ask(url: str, model: str) -> Answer:
    try:
        statuses = ModelServer(url, model, timeout=DEADLINE_SECONDS).versions()
    except Refused as error:  # it answers, and has never heard of the model
        return Answer(url, True, None, (), printable(str(error)), datetime.now(UTC))
    except (ServingError, ValueError) as error:
        return _silent(url, printable(str(error)))
    statuses = sorted(statuses, key=lambda status: status.version, reverse=True)
    served = next((status.version for status in statuses if status.state == "AVAILABLE"), None)
    states = tuple(printable(f"version {s.version}: {s.state} {s.error_message}".strip()) for s in statuses)
    return Answer(url, True, served, states, "", datetime.now(UTC))


def _silent(url: str, error: str) -> Answer:
    return Answer(url, False, None, (), error, datetime.now(UTC))
