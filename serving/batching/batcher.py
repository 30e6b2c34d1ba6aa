"""Runs calls of one model, putting those that wait at the same moment into one call of the graph.

Adaptive: while the graph is idle a request starts at once and alone; what arrives while it is busy goes together
next. Nothing ever waits for company. A call of the graph costs nearly the same for one row as for a hundred.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from serving.batching.graph_call import Result, run_together
from serving.batching.inference_call import InferenceCall
from serving.batching.pace import Pace, Stopwatch
from serving.models.version import Version

_log = logging.getLogger(__name__)
Done = Callable[[Result], None]
_MOST_CALLS_ON_LOOP = 4
_LOOP_PATIENCE, _THREAD_PATIENCE = 0.005, 0.05
"""Another thread has to wait for its turn in the interpreter, the more the busier the loop is."""


@dataclass(slots=True)
class _Group:
    """Calls that run as one, and what is known of such calls."""

    pace: Pace
    rows: int
    calls: list[InferenceCall]
    done: list[Done]

    def run(self, *, patience: float) -> list[Result]:
        """Runs them on whichever thread this is."""
        watch = Stopwatch(patience=patience)
        results = run_together(self.calls)
        self.pace.saw(self.rows, watch.seconds())
        return results

    def deliver(self, results: Sequence[Result]) -> None:
        """Tells each how it ended, on the event loop's thread."""
        for done, result in zip(self.done, results, strict=True):
            try:
                done(result)
            except Exception:  # the others in this call want their answers all the same
                _log.exception("an answer could not be delivered")


class Batcher:
    """The calls of one model: on a thread of their own, or, as long as they are fast, on the event loop's.

    `submit` belongs to the event loop's thread, as do the callbacks.

    Args:
        name: the thread's.
        loop: the event loop.
        together: whether calls may share a call of the graph.
        on_loop: whether fast calls may run on the loop's thread.
        most_rows: how many rows go into one call of the graph.
    """

    def __init__(
        self,
        name: str,
        loop: asyncio.AbstractEventLoop,
        *,
        together: bool = True,
        on_loop: bool = True,
        most_rows: int = 1024,
    ) -> None:
        self._loop = loop
        self._together = together
        self._on_loop = on_loop
        self._most_rows = most_rows
        self._paces: dict[tuple[Version, str], Pace] = {}
        self._waiting: list[tuple[InferenceCall, Done]] = []
        self._busy = False
        self._flushing = False
        self._work: queue.SimpleQueue[list[_Group] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"graph-{name}", daemon=True)
        self._thread.start()

    def submit(self, call: InferenceCall, done: Done) -> None:
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
        if not self._waiting or self._busy:
            return
        waiting, self._waiting = self._waiting, []
        groups = self._grouped(waiting)
        if self._on_loop and _are_fast(groups):
            for group in groups:
                group.deliver(group.run(patience=_LOOP_PATIENCE))
        else:
            self._busy = True
            self._work.put(groups)

    def _grouped(self, waiting: list[tuple[InferenceCall, Done]]) -> list[_Group]:
        groups: list[_Group] = []
        open_groups: dict[object, _Group] = {}
        for call, done in waiting:
            key = call.shared_key() if self._together else None
            group = open_groups.get(key) if key is not None else None
            if group is None or group.rows + call.rows > self._most_rows:
                group = _Group(self._pace(call), call.rows or call.longest, [call], [done])
                groups.append(group)
                if key is not None:
                    open_groups[key] = group
            else:
                group.rows += call.rows
                group.calls.append(call)
                group.done.append(done)
        return groups

    def _pace(self, call: InferenceCall) -> Pace:
        key = call.version, call.signature.name
        pace = self._paces.get(key)
        if pace is None:
            gone = [known for known in self._paces if known[0].state == "END"]
            for known in gone:
                del self._paces[known]
            pace = self._paces[key] = Pace()
        return pace

    # On the thread of its own.

    def _run(self) -> None:
        while self._run_next():
            pass

    def _run_next(self) -> bool:
        # A frame of its own: variables of a loop would keep the last requests, perhaps large ones, until the next.
        groups = self._work.get()
        if groups is None:
            return False
        for index, group in enumerate(groups):
            results = group.run(patience=_THREAD_PATIENCE)
            try:
                self._loop.call_soon_threadsafe(self._finished, group, results, index == len(groups) - 1)
            except RuntimeError:  # the loop was closed: nobody waits any more
                return False
        return True

    def _finished(self, group: _Group, results: list[Result], idle: bool) -> None:
        if idle:
            self._busy = False
            self._flush()
        group.deliver(results)


def _are_fast(groups: list[_Group]) -> bool:
    return len(groups) <= _MOST_CALLS_ON_LOOP and all(
        group.pace.allows(group.rows) and not group.calls[0].version.servable.has_loops for group in groups
    )
