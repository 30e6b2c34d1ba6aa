"""Calls of a model: each is read, run in the graph and answered, or given up.

Nothing of it may hold up the event loop: long texts are read on other threads, graphs run on others still.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future, ThreadPoolExecutor

from serving.batching import Batcher, Outcome
from serving.call import Call
from serving.exchange import Exchange
from serving.limits import Limits
from serving.manager import Manager
from serving.metrics import ServerMetrics
from serving.reading import TooLargeError, read_call
from serving.replies import Replies
from serving.request import NeedsTimeError
from serving.routes import Route
from serving.status import StatusError

_LARGE_BODY = 64 << 10
_log = logging.getLogger(__name__)


class Calls:
    """Every method belongs to the event loop's thread.

    Args:
        manager: the models.
        metrics: where to count.
        replies: who answers.
        limits: what is taken on at most.
        together: whether calls that wait at the same moment share a call of the graph.
    """

    def __init__(
        self, manager: Manager, metrics: ServerMetrics, replies: Replies, limits: Limits, *, together: bool
    ) -> None:
        self._manager = manager
        self._metrics = metrics
        self._replies = replies
        self._limits = limits
        self._together = together
        self._loop = asyncio.get_running_loop()
        self._batchers: dict[tuple[str, bool], Batcher] = {}
        self._readers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="serving-reader")
        # One at a time: for a tenth of a second a fast parser lets nobody else run.
        self._reader_of_large = ThreadPoolExecutor(max_workers=1, thread_name_prefix="serving-large-reader")
        self._active = 0

    def answer(self, exchange: Exchange, wanted: Route) -> None:
        """Answers now or later.

        Raises:
            StatusError: the request is wrong; nothing was answered yet.
        """
        if self._active >= self._limits.requests:
            self._refuse(exchange, wanted)
            return
        self._active += 1
        work = _Work(exchange, wanted)
        exchange.on_expire = lambda: self._expire(work)
        if exchange.gzipped or len(exchange.body) > _LARGE_BODY:
            self._read_apart(work)
            return
        try:
            call = read_call(exchange, wanted, self._manager, self._limits, hurry=True)
        except NeedsTimeError:
            self._read_apart(work)
        except BaseException:
            self._active -= 1
            raise
        else:
            self._submit(work, call)

    def close(self) -> None:
        """Ends the threads that read requests and run graphs."""
        for readers in (self._readers, self._reader_of_large):
            readers.shutdown(wait=False, cancel_futures=True)
        for batcher in self._batchers.values():
            batcher.close()
        for batcher in self._batchers.values():
            batcher.join(5.0)

    def _refuse(self, exchange: Exchange, wanted: Route) -> None:
        many = StatusError(
            "UNAVAILABLE",
            f"{self._active} requests are in work already. Try again, or start the server with a larger "
            "--max_concurrent_requests.",
        )
        self._replies.fail(exchange, wanted.model, many, headers=b"Retry-After: 1\r\n")

    def _read_apart(self, work: _Work) -> None:
        readers = self._reader_of_large if work.exchange.large else self._readers
        reading = readers.submit(read_call, work.exchange, work.wanted, self._manager, self._limits)
        reading.add_done_callback(lambda done: self._loop.call_soon_threadsafe(self._have_read, work, done))

    def _have_read(self, work: _Work, done: Future[Call]) -> None:
        error = done.exception()
        if error is None:
            call = done.result()
            self._submit(work, call, large=call.large)
            return
        self._active -= 1
        if isinstance(error, StatusError):
            status = 413 if isinstance(error, TooLargeError) else None
            self._replies.fail(work.exchange, work.wanted.model, error, status=status)
        else:
            _log.error("%s failed", work.exchange.target[:200], exc_info=error)
            self._replies.fail(work.exchange, "", StatusError("INTERNAL", "The server failed; its log says how."))

    def _submit(self, work: _Work, call: Call, *, large: bool = False) -> None:
        if work.exchange.answered:  # expired, or the client left, while the body was read
            call.version.release()
            self._active -= 1
            return
        work.call = call
        # Large calls have a thread of their own, so that small ones need not wait for them.
        lane = (call.version.model, large)
        batcher = self._batchers.get(lane)
        if batcher is None:
            batcher = self._batchers[lane] = Batcher(call.version.model, self._loop, together=self._together)
        batcher.submit(call, lambda outcome: self._done(work, call, outcome))

    def _done(self, work: _Work, call: Call, outcome: Outcome) -> None:
        call.version.release()
        self._active -= 1
        model = work.wanted.model
        if outcome.seconds:
            self._metrics.run(model, call.api, outcome.seconds)
        if call.examples:
            self._metrics.examples(model, call.examples)
        if outcome.error is None:
            self._replies.succeed(work.exchange, model, work.wanted.verb, outcome.body)
        else:
            self._replies.fail(work.exchange, model, outcome.error)

    def _expire(self, work: _Work) -> None:
        if work.call is not None:
            work.call.given_up = True
        late = StatusError("DEADLINE_EXCEEDED", f"No answer within {self._limits.answer_seconds:g} seconds.")
        self._replies.fail(work.exchange, work.wanted.model, late)


class _Work:
    """A call on its way, so that it can be given up."""

    __slots__ = ("call", "exchange", "wanted")

    def __init__(self, exchange: Exchange, wanted: Route) -> None:
        self.exchange = exchange
        self.wanted = wanted
        self.call: Call | None = None
