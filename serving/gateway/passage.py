"""The way of one request to the server behind and of its answer back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

from serving.gateway import headers
from serving.gateway.body_depth import MOST_LEVELS, BodyTooDeepError, BodyTooLargeError
from serving.gateway.records.recorder import Recorder
from serving.gateway.replies import Reply
from serving.gateway.upstream import Asked, Upstream
from serving.gateway.upstream_connection import UpstreamAnswer, UpstreamError
from serving.gateway.version_watch import VersionWatch
from serving.http.exchange import DEFAULT, Exchange
from serving.http.limits import Limits

_KEPT_HERE = frozenset((b"authorization", b"cookie"))
"""They are for this door and not for the server behind it."""
_LARGEST_TOLD = 64 << 20


@dataclass(frozen=True)
class Behind:
    """What is behind the gateway.

    Attributes:
        upstream: The server.
        versions: Knows which version answers.
        limits: The limits of the gateway.
        recorder: Records requests; None when none are.
    """

    upstream: Upstream
    versions: VersionWatch
    limits: Limits
    recorder: Recorder | None = None


class Passage:
    """A request on its way.

    Args:
        behind: Where it goes.
        exchange: The request.
        target: Its target without scheme and host.
        reply: Sends the answer.
    """

    def __init__(self, behind: Behind, exchange: Exchange, target: str, reply: Reply) -> None:
        self._behind = behind
        self._exchange = exchange
        self._target = target
        self._reply = reply
        self._asked: Asked | None = None
        self._is_told = False
        self._sent_at = 0.0

    async def check(self, steps: Iterator[None]) -> None:
        """Checks the body piece by piece, while others are served, and sends the request on."""
        try:
            for _ in steps:
                await asyncio.sleep(0)
                if self._exchange.answered:
                    return
        except BodyTooDeepError:
            self._reply.error(400, f"The JSON of the request nests deeper than {MOST_LEVELS} levels.")
        except BodyTooLargeError:
            most = self._behind.limits.body_bytes
            text = f"The request body is larger than {most} bytes when it is inflated. Send fewer rows in one request."
            self._reply.error(413, text)
        else:
            self.send()

    def send(self) -> None:
        """Sends the request on."""
        exchange = self._exchange
        self._sent_at = time.monotonic()
        lines = headers.to_upstream(exchange.headers, without=_KEPT_HERE)
        lines += b"X-Request-Id: %b\r\n" % self._reply.request_id.encode("ascii")
        asked = self._behind.upstream.ask(exchange.method, self._target, lines, exchange.body, self._told)
        if not self._is_told:
            self._asked = asked

    def expire(self) -> None:
        """Answers that the server behind is too slow."""
        seconds = self._behind.limits.answer_seconds
        self._reply.error(504, f"The model server did not answer within {seconds:g} seconds. Try again, or send less.")

    def end(self) -> None:
        """Gives the request up if it is still under way: the client has its answer, or is gone."""
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.give_up()

    def _told(self, result: UpstreamAnswer | UpstreamError) -> None:
        self._asked, self._is_told = None, True
        if isinstance(result, UpstreamError):
            self._reply.error(result.status, f"The model server did not answer: {result}. Try again.")
            return
        body = result.body
        if self._exchange.method == "HEAD":
            # Only its length is sent, which is that of the body that GET would have got.
            body = bytes(min(max(result.length, 0), _LARGEST_TOLD))
        self._record(result)
        version = self._behind.versions.of_answer(self._target, result.status)
        lines = headers.to_client(result.fields) + b"X-Model-Version: %b\r\n" % version.encode("ascii")
        self._reply.send(result.status, body, headers.first(result.fields, b"content-type") or DEFAULT, lines)

    def _record(self, answer: UpstreamAnswer) -> None:
        recorder, exchange = self._behind.recorder, self._exchange
        if recorder is not None and answer.status == 200 and exchange.method == "POST" and not exchange.answered:
            gzipped = headers.says_gzip(exchange.headers)
            recorder.passed(
                self._reply.request_id, self._target, self._sent_at, exchange.body, answer.body, gzipped=gzipped
            )
