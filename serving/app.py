"""The API: what each request means, and its answer."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from serving import questions
from serving.batching import Batcher, Outcome
from serving.call import Call
from serving.exchange import HTML, TEXT, Exchange, error_page
from serving.limits import Limits
from serving.manager import Manager
from serving.metrics import ServerMetrics
from serving.reading import TooLargeError, read_call
from serving.request import NeedsTimeError
from serving.routes import BadVersionError, Route, route
from serving.spelled import literal
from serving.status import StatusError
from serving.targets import METHODS, is_api, path, relative

METRICS_PATH = "/monitoring/prometheus/metrics"
_LARGE_BODY = 64 << 10
_APIS = {"predict": "predict", "classify": "classify", "regress": "regress"}
_log = logging.getLogger(__name__)


class App:
    """Answers exchanges; every method belongs to the event loop's thread.

    Args:
        manager: the models.
        metrics: where to count.
        limits: what is taken on at most.
        together: whether requests that wait at the same moment share a call of the graph.
        metrics_path: where the metrics page is; None for nowhere.
    """

    def __init__(
        self,
        manager: Manager,
        metrics: ServerMetrics,
        limits: Limits,
        *,
        together: bool = True,
        metrics_path: str | None = METRICS_PATH,
    ) -> None:
        self._manager = manager
        self._metrics = metrics
        self._limits = limits
        self._together = together
        self._metrics_path = metrics_path
        self._loop = asyncio.get_running_loop()
        self._batchers: dict[tuple[str, bool], Batcher] = {}
        self._readers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="serving-reader")
        # One at a time: for a tenth of a second a fast parser lets nobody else run.
        self._reader_of_large = ThreadPoolExecutor(max_workers=1, thread_name_prefix="serving-large-reader")
        self._active = 0

    def handle(self, exchange: Exchange) -> None:
        """Answers an exchange, now or later."""
        try:
            self._dispatch(exchange)
        except Exception:
            _log.exception("%s %s failed", exchange.method, exchange.target[:200])
            self._fail(exchange, "", StatusError("INTERNAL", "The server failed; its log says how."))

    def close(self) -> None:
        """Ends the threads that read requests and run graphs."""
        for readers in (self._readers, self._reader_of_large):
            readers.shutdown(wait=False, cancel_futures=True)
        for batcher in self._batchers.values():
            batcher.close()
        for batcher in self._batchers.values():
            batcher.join(5.0)

    def _dispatch(self, exchange: Exchange) -> None:
        target = exchange.target
        if exchange.method not in METHODS:
            exchange.answer(501, error_page(501), HTML)
            return
        # The hot path first: an API target of plain characters needs no further look.
        if not (target.startswith("/v1/models/") and target.isascii()) or "%" in target or "?" in target:
            found = relative(target)
            if found is None:
                exchange.answer(400, error_page(400), HTML)
                return
            target = found
        if self._metrics_path is not None and path(target) == self._metrics_path:
            self._answer_metrics(exchange, target)
        elif not is_api(target):
            exchange.answer(404, error_page(404), HTML)
        elif exchange.method == "OPTIONS":
            self._succeed(exchange, "", "", b"", HTML)
        else:
            self._answer_api(exchange, target)

    def _answer_metrics(self, exchange: Exchange, target: str) -> None:
        if target == self._metrics_path:
            exchange.answer(200, self._metrics.page(), TEXT)
        else:
            exchange.answer(400, f"Unexpected path: {target}. Should be {self._metrics_path}".encode(), TEXT)

    def _answer_api(self, exchange: Exchange, target: str) -> None:
        try:
            wanted = route(exchange.method, target)
        except StatusError as error:
            self._fail(exchange, "", error)
            return
        except BadVersionError:
            self._metrics.request("", "INVALID_ARGUMENT", "", 0)
            exchange.answer(400, b"")
            return
        try:
            if wanted.verb == "status":
                self._answer_status(exchange, wanted)
            elif wanted.verb == "metadata":
                self._answer_metadata(exchange, wanted)
            else:
                self._answer_call(exchange, wanted)
        except StatusError as error:
            self._fail(exchange, wanted.model, error)

    def _answer_status(self, exchange: Exchange, wanted: Route) -> None:
        if not wanted.model:
            raise StatusError("INVALID_ARGUMENT", "Missing model name in request.")
        # TensorFlow Serving leaves a label in a status question out of account: all versions are listed.
        versions = self._manager.statuses(wanted.model, wanted.version)
        self._succeed(exchange, wanted.model, "", questions.status_body(versions))

    def _answer_metadata(self, exchange: Exchange, wanted: Route) -> None:
        if not wanted.model:
            raise StatusError("INVALID_ARGUMENT", "Missing model name in request.")
        version = self._manager.acquire(wanted.model, wanted.version, wanted.label)
        try:
            body = questions.metadata_body(version)
        finally:
            version.release()
        self._succeed(exchange, wanted.model, "", body)

    def _answer_call(self, exchange: Exchange, wanted: Route) -> None:
        if self._active >= self._limits.requests:
            self._fail(
                exchange,
                wanted.model,
                StatusError(
                    "UNAVAILABLE",
                    f"{self._active} requests are in work already. Try again, or start the server "
                    "with a larger --max_concurrent_requests.",
                ),
                b"Retry-After: 1\r\n",
            )
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

    def _read_apart(self, work: _Work) -> None:
        """On another thread: reading takes long enough to be noticed by other connections."""
        readers = self._reader_of_large if work.exchange.large else self._readers
        reading = readers.submit(read_call, work.exchange, work.wanted, self._manager, self._limits)
        reading.add_done_callback(lambda done: self._loop.call_soon_threadsafe(self._have_read, work, done))

    def _have_read(self, work: _Work, done: Future[Call]) -> None:
        error = done.exception()
        if error is None:
            self._submit(work, done.result())
            return
        self._active -= 1
        if isinstance(error, TooLargeError):
            self._metrics.request(work.wanted.model, error.code, "", 0)
            work.exchange.answer(413, error_body(error.message))
        elif isinstance(error, StatusError):
            self._fail(work.exchange, work.wanted.model, error)
        else:
            _log.error("%s failed", work.exchange.target[:200], exc_info=error)
            self._fail(work.exchange, "", StatusError("INTERNAL", "The server failed; its log says how."))

    def _submit(self, work: _Work, call: Call) -> None:
        if work.exchange.answered:  # expired, or the client left, while the body was read
            call.version.release()
            self._active -= 1
            return
        work.call = call
        # Large calls have a thread of their own, so that small ones need not wait for them.
        lane = (call.version.model, call.large)
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
            self._succeed(work.exchange, model, _APIS[work.wanted.verb], outcome.body)
        else:
            self._fail(work.exchange, model, outcome.error)

    def _expire(self, work: _Work) -> None:
        if work.call is not None:
            work.call.given_up = True
        self._fail(
            work.exchange,
            work.wanted.model,
            StatusError("DEADLINE_EXCEEDED", f"No answer within {self._limits.answer_seconds:g} seconds."),
        )

    def _succeed(self, exchange: Exchange, model: str, api: str, body: bytes, kind: bytes | None = None) -> None:
        if not exchange.answered:
            self._metrics.request(model, "OK", api, time.perf_counter() - exchange.started)
            exchange.answer(200, body) if kind is None else exchange.answer(200, body, kind)

    def _fail(self, exchange: Exchange, model: str, error: StatusError, headers: bytes = b"") -> None:
        if not exchange.answered:
            self._metrics.request(model, error.code, "", 0)
            exchange.answer(error.http_status, error_body(error.message), headers=headers)


class _Work:
    """A call on its way, so that it can be given up."""

    __slots__ = ("call", "exchange", "wanted")

    def __init__(self, exchange: Exchange, wanted: Route) -> None:
        self.exchange = exchange
        self.wanted = wanted
        self.call: Call | None = None


def error_body(message: Any) -> bytes:
    """The JSON of an error."""
    return f'{{\n    "error": {literal(str(message))}\n}}'.encode("utf-8", "surrogateescape")
