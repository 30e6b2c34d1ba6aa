"""Calls of a model: each is read, run in the graph and answered, or given up.

Nothing of it may hold up the event loop: long texts are read on other threads, graphs run on others still.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from serving.batching.batcher import Batcher
from serving.batching.graph_call import Result
from serving.batching.inference_call import InferenceCall
from serving.errors import StatusError, server_failed
from serving.http.exchange import Exchange
from serving.http.limits import Limits
from serving.http.memory import LARGE_BYTES
from serving.metrics import ServerMetrics
from serving.models.manager import Manager
from serving.rest.request_parser import NeedsTimeError, TooLargeError, read_call, read_call_apart, unpack
from serving.rest.responses import Replies
from serving.rest.router import Route

_LARGE_BODY = 64 << 10
_T = TypeVar("_T")
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
        # One at a time: for some tenths of a second a fast parser of megabytes lets nobody else run.
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
        exchange.on_end = self._free
        exchange.on_expire = partial(self._expire, exchange, wanted)
        if exchange.gzipped:
            self._unpack(exchange, wanted)
        elif len(exchange.body) > _LARGE_BODY:
            self._read_apart(exchange, wanted)
        else:
            try:
                call = read_call(exchange, wanted, self._manager, hurry=True)
            except NeedsTimeError:
                self._read_apart(exchange, wanted)
            else:
                self._submit(exchange, wanted, call)

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

    def _free(self) -> None:
        self._active -= 1

    def _unpack(self, exchange: Exchange, wanted: Route) -> None:
        def unpacked(done: Future[bytes]) -> None:
            if self._has_failed(exchange, wanted, done) or exchange.answered:
                return
            exchange.body, exchange.gzipped = done.result(), False
            exchange.large = len(exchange.body) > LARGE_BYTES
            self._read_apart(exchange, wanted)

        self._then(unpacked, self._readers.submit(unpack, exchange, self._limits))

    def _read_apart(self, exchange: Exchange, wanted: Route) -> None:
        def read(done: Future[InferenceCall]) -> None:
            if not self._has_failed(exchange, wanted, done):
                call = done.result()
                self._submit(exchange, wanted, call, large=call.large)

        readers = self._reader_of_large if exchange.large else self._readers
        self._then(read, readers.submit(read_call_apart, exchange, wanted, self._manager))

    def _then(self, go_on: Callable[[Future[_T]], None], future: Future[_T]) -> None:
        """Goes on on the loop's thread, unless the server has ended meanwhile."""

        def tell(done: Future[_T]) -> None:
            if not done.cancelled():
                with suppress(RuntimeError):  # the loop is closed
                    self._loop.call_soon_threadsafe(go_on, done)

        future.add_done_callback(tell)

    def _has_failed(self, exchange: Exchange, wanted: Route, done: Future[Any]) -> bool:
        error = done.exception()
        if isinstance(error, StatusError):
            status = 413 if isinstance(error, TooLargeError) else None
            self._replies.fail(exchange, wanted.model, error, status=status)
        elif error is not None:
            _log.error("%s failed", exchange.target[:200], exc_info=error)
            self._replies.fail(exchange, "", server_failed())
        return error is not None

    def _submit(self, exchange: Exchange, wanted: Route, call: InferenceCall, *, large: bool = False) -> None:
        if exchange.answered:  # expired, or the client left, while the body was read
            call.version.release()
            return
        call.given_up = exchange.is_answered
        lane = (call.version.model, large)
        batcher = self._batchers.get(lane)
        if batcher is None:
            # Large calls have a thread of their own, so that small ones need not wait for them, and run one by one.
            name = f"{call.version.model}-large" if large else call.version.model
            batcher = self._batchers[lane] = Batcher(
                name, self._loop, together=self._together and not large, on_loop=not large
            )
        batcher.submit(call, partial(self._done, exchange, wanted, call))

    def _done(self, exchange: Exchange, wanted: Route, call: InferenceCall, result: Result) -> None:
        call.version.release()
        model = wanted.model
        if result.seconds:
            self._metrics.run(model, call.api, result.seconds)
        if call.examples:
            self._metrics.examples(model, call.examples)
        if result.error is None:
            self._replies.succeed(exchange, model, wanted.verb, result.body)
        else:
            self._replies.fail(exchange, model, result.error)

    def _expire(self, exchange: Exchange, wanted: Route) -> None:
        late = StatusError("DEADLINE_EXCEEDED", f"No answer within {self._limits.answer_seconds:g} seconds.")
        self._replies.fail(exchange, wanted.model, late)
