"""TensorFlow Serving's REST API as a whole: every request gets its answer from here."""

from __future__ import annotations

import logging
import re

from serving.errors import StatusError, server_failed
from serving.http.exchange import DEFAULT, TEXT, Exchange
from serving.http.limits import Limits
from serving.metrics import ServerMetrics
from serving.models.manager import Manager
from serving.rest import model_info
from serving.rest.inference import Calls
from serving.rest.request_target import METHODS, is_api, path, relative
from serving.rest.responses import Replies
from serving.rest.router import Route, route

METRICS_PATH = "/monitoring/prometheus/metrics"
_WEB_ORIGIN = re.compile(rb"https?://")
_log = logging.getLogger(__name__)


class App:
    """Answers HTTP requests. Every method belongs to the event loop's thread.

    Args:
        manager: the models.
        metrics: counts requests.
        limits: the limits of the server.
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
        self._metrics_path = metrics_path
        self._replies = Replies(metrics)
        self._calls = Calls(manager, metrics, self._replies, limits, together=together)

    def handle(self, exchange: Exchange) -> None:
        """Answers a request, now or later."""
        try:
            self._dispatch(exchange)
        except Exception:
            _log.exception("%s %s failed", exchange.method, exchange.target[:200])
            self._replies.fail(exchange, "", server_failed())

    def close(self) -> None:
        """Ends the threads that read requests and run graphs."""
        self._calls.close()

    def _dispatch(self, exchange: Exchange) -> None:
        target = exchange.target
        if exchange.method not in METHODS:
            exchange.answer_page(501)
            return
        # The hot path first: an API target of plain characters needs no further look.
        if not (target.startswith("/v1/models/") and target.isascii()) or "%" in target or "?" in target:
            found = relative(target)
            if found is None:
                exchange.answer_page(400)
                return
            target = found
        if self._metrics_path is not None and path(target) == self._metrics_path:
            self._answer_metrics(exchange, target)
        elif not is_api(target):
            exchange.answer_page(404)
        elif exchange.method == "OPTIONS":
            self._answer_preflight(exchange)
        else:
            self._answer_api(exchange, target)

    def _answer_preflight(self, exchange: Exchange) -> None:
        """Answers OPTIONS, with which a browser asks whether a page may send a request (CORS preflight).

        TensorFlow Serving refuses it when no origin is named that is a web page. Source: http_server.cc.
        """
        if _WEB_ORIGIN.search(exchange.origin):
            self._replies.succeed(exchange, "", "", b"", DEFAULT)
        else:
            self._metrics.request("", "FAILED_PRECONDITION", "", 0)
            exchange.answer(400, b"", DEFAULT)

    def _answer_metrics(self, exchange: Exchange, target: str) -> None:
        if target == self._metrics_path:
            exchange.answer(200, self._metrics.page(), TEXT)
        else:
            exchange.answer(400, f"Unexpected path: {target}. Should be {self._metrics_path}".encode(), TEXT)

    def _answer_api(self, exchange: Exchange, target: str) -> None:
        try:
            wanted = route(exchange.method, target)
        except StatusError as error:
            self._replies.fail(exchange, "", error)
            return
        try:
            if wanted.verb == "status":
                self._answer_status(exchange, wanted)
            elif wanted.verb == "metadata":
                self._answer_metadata(exchange, wanted)
            else:
                self._calls.answer(exchange, wanted)
        except StatusError as error:
            self._replies.fail(exchange, wanted.model, error)

    def _answer_status(self, exchange: Exchange, wanted: Route) -> None:
        if not wanted.model:
            raise StatusError("INVALID_ARGUMENT", "Missing model name in request.")
        # TensorFlow Serving leaves a label in a status question out of account: all versions are listed.
        versions = self._manager.statuses(wanted.model, wanted.version)
        self._replies.succeed(exchange, wanted.model, "", model_info.status_body(versions))

    def _answer_metadata(self, exchange: Exchange, wanted: Route) -> None:
        if not wanted.model:
            raise StatusError("INVALID_ARGUMENT", "Missing model name in request.")
        version = self._manager.acquire(wanted.model, wanted.version, wanted.label)
        try:
            body = model_info.metadata_body(version)
        finally:
            version.release()
        self._replies.succeed(exchange, wanted.model, "", body)
