"""The answers of the REST API, each counted in the metrics."""

from __future__ import annotations

import time

from serving.codecs.response_body import error_body
from serving.errors import StatusError
from serving.http.exchange import JSON, Exchange
from serving.metrics import ServerMetrics


class Replies:
    """Answers requests, unless they are answered already.

    Args:
        metrics: counts the answers.
    """

    def __init__(self, metrics: ServerMetrics) -> None:
        self._metrics = metrics

    def succeed(self, exchange: Exchange, model: str, api: str, body: bytes, content_type: bytes = JSON) -> None:
        """Answers with status 200.

        Args:
            exchange: the request.
            model: the model's name, for the metrics; empty for none.
            api: "predict", "classify" or "regress" to record the latency as well; else empty.
            body: the answer.
            content_type: the content type of the answer.
        """
        if not exchange.answered:
            self._metrics.request(model, "OK", api, time.perf_counter() - exchange.started)
            exchange.answer(200, body, content_type)

    def fail(
        self, exchange: Exchange, model: str, error: StatusError, *, status: int | None = None, headers: bytes = b""
    ) -> None:
        """Answers with an error.

        Args:
            exchange: the request.
            model: the model's name, for the metrics; empty for none.
            error: the error, whose message becomes the body.
            status: the HTTP status, if it is not the one that belongs to the code of the error.
            headers: more header lines, each with its line end.
        """
        if not exchange.answered:
            self._metrics.request(model, error.code, "", 0)
            exchange.answer(status or error.http_status, error_body(error), headers=headers)
