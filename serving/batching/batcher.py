"""Runs calls of one model, putting those that wait at the same moment into one call of the graph.

Adaptive: while the graph is idle a request starts at once and alone; what arrives while it is busy goes together
next. Nothing ever waits for company. A call of the graph costs nearly the same for one row as for a hundred.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.batching.inference_call import Call
from serving.codecs.response_body import columns_body, error_body
from serving.codecs.tensors import array
from serving.errors import StatusError, server_failed

_log = logging.getLogger(__name__)
Done = Callable[["Outcome"], None]


@dataclass(slots=True)
class Outcome:
    """How a call ended.

    Attributes:
        body: the answer; empty when it failed.
        error: why it failed.
        seconds: how long the graph took, for all calls that ran together.
    """

    body: bytes = b""
    error: StatusError | None = None
    seconds: float = 0.0


class Batcher:
    """A thread that runs calls of one model.

    `submit` belongs to the event loop's thread, as do the callbacks.
    """

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop, *, together: bool = True, most_rows: int = 1024):
        self._loop = loop
        self._together = together
        self._most_rows = most_rows
        self._waiting: list[tuple[Call, Done]] = []
        self._busy = False
        self._flushing = False
        self._work: queue.SimpleQueue[list[tuple[Call, Done]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"graph-{name}", daemon=True)
        self._thread.start()

    def submit(self, call: Call, done: Done) -> None:
        """Runs a call as soon as the graph is free; `done` is called on the event loop's thread."""
        self._waiting.append((call, done))
        if not self._busy and not self._flushing:
            # After this turn of the loop, so that requests that arrived together start together.
            self._flushing = True
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Ends the thread when its work is done."""
        self._work.put(None)

    def join(self, timeout: float) -> None:
        """Waits for the thread to end."""
        self._thread.join(timeout)

    def _flush(self) -> None:
        self._flushing = False
        if self._waiting and not self._busy:
            self._busy = True
            work, self._waiting = self._waiting, []
            self._work.put(work)

    def _finished(self, ended: Sequence[tuple[Done, Outcome]], idle: bool) -> None:
        if idle:
            self._busy = False
            self._flush()
        for done, outcome in ended:
            try:
                done(outcome)
            except Exception:  # the others in this call want their answers all the same
                _log.exception("an answer could not be delivered")

    def _run(self) -> None:
        # What does not fit a float becomes infinite, as in C++, without a word.
        np.seterr(over="ignore", invalid="ignore")
        while self._run_next():
            pass

    def _run_next(self) -> bool:
        # A frame of its own: variables of a loop would keep the last requests, perhaps large ones, until the next.
        work = self._work.get()
        if work is None:
            return False
        groups = self._grouped(work)
        for index, group in enumerate(groups):
            outcomes = run_together([call for call, _ in group])
            ended = [(done, outcome) for (_, done), outcome in zip(group, outcomes, strict=True)]
            try:
                self._loop.call_soon_threadsafe(self._finished, ended, index == len(groups) - 1)
            except RuntimeError:  # the loop was closed: nobody waits any more
                return False
        return True

    def _grouped(self, work: list[tuple[Call, Done]]) -> list[list[tuple[Call, Done]]]:
        groups: list[list[tuple[Call, Done]]] = []
        open_groups: dict[object, tuple[list[tuple[Call, Done]], int]] = {}
        for item in work:
            call = item[0]
            key = call.shared_key() if self._together else None
            group, rows = open_groups.get(key, ([], 0)) if key is not None else ([], 0)
            if not group or rows + call.rows > self._most_rows:
                group, rows = [], 0
                groups.append(group)
            group.append(item)
            if key is not None:
                open_groups[key] = (group, rows + call.rows)
        return groups


def run_together(calls: Sequence[Call]) -> list[Outcome]:
    """Runs calls that agree in `Call.shared_key` as one; when that fails each runs alone, so that none spoils others.

    Returns:
        One outcome for each call, in order.
    """
    calls_left = [call for call in calls if not call.given_up()]
    if not calls_left:
        return [Outcome() for _ in calls]
    start = time.perf_counter()
    try:
        bodies, seconds = _bodies(calls_left)
    except StatusError as error:
        if len(calls_left) == 1:
            error_body(error)  # here and not on the loop: it may quote megabytes
            failed = Outcome(error=error, seconds=time.perf_counter() - start)
            return [failed if call is calls_left[0] else Outcome() for call in calls]
        return [run_together([call])[0] for call in calls]
    except Exception:
        _log.exception("a call of %s version %d failed", calls_left[0].version.model, calls_left[0].version.number)
        return [Outcome(error=server_failed()) for _ in calls]
    by_call = dict(zip(map(id, calls_left), bodies, strict=True))
    return [Outcome(body=by_call.get(id(call), b""), seconds=seconds) for call in calls]


def _bodies(calls: Sequence[Call]) -> tuple[list[bytes], float]:
    first = calls[0]
    signature = first.signature
    inputs: dict[str, NDArray[Any]] = {
        name: array([call.columns[name] for call in calls], spec) for name, spec in signature.inputs.items()
    }
    start = time.perf_counter()
    outputs = first.version.servable.run(inputs, signature=signature.name)
    seconds = time.perf_counter() - start
    if all(call.given_up() for call in calls):
        return [b"" for _ in calls], seconds
    if first.by_row is None:
        return [columns_body(outputs, signature)], seconds
    texts = first.by_row.texts(outputs, signature)
    total = sum(call.rows for call in calls)
    if first.api != "Predict" and len(texts) != total:
        raise StatusError(
            "INVALID_ARGUMENT", f"Input batch size did not match output batch size: {total} vs. {len(texts)}"
        )
    if len(calls) == 1:
        return [first.by_row.body(texts, signature)], seconds
    if len(texts) != total:
        raise StatusError("INTERNAL", "outputs have other rows than inputs")  # these calls cannot share: run alone
    bodies, at = [], 0
    for call in calls:
        bodies.append(first.by_row.body(texts[at : at + call.rows], signature))
        at += call.rows
    return bodies, seconds
