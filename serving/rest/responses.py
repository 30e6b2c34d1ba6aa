"""Answers in the API's JSON, each counted in the metrics."""

from __future__ import annotations

import time

from serving.codecs.response_body import error_body
from serving.errors import StatusError
from serving.http.exchange import JSON, Exchange
from serving.metrics import ServerMetrics


class Replies:
    """Answers exchanges, unless they were answered already."""

    def __init__(self, metrics: ServerMetrics) -> None:
        self._metrics = metrics

    def succeed(self, exchange: Exchange, model: str, api: str, body: bytes, kind: bytes = JSON) -> None:
        """Status 200.

        Args:
            exchange: whom to answer.
            model: for the metrics; empty for none.
            api: "predict", "classify" or "regress" to count its latency; empty for other questions.
            body: the answer.
            kind: its content type.
        """
        if not exchange.answered:
            self._metrics.request(model, "OK", api, time.perf_counter() - exchange.started)
            exchange.answer(200, body, kind)

    def fail(
        self, exchange: Exchange, model: str, error: StatusError, *, status: int | None = None, headers: bytes = b""
    ) -> None:
        """The error's text, with the status that belongs to its code unless told otherwise."""
        if not exchange.answered:
            self._metrics.request(model, error.code, "", 0)
            exchange.answer(status or error.http_status, error_body(error), headers=headers)
