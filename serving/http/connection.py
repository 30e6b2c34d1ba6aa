"""A client's HTTP/1.1 connection.

uvicorn would do, but its tasks and queues would take half of a small prediction's time; and it leaves open how long a
request may take to arrive, how large it may be, and what becomes of a client that sends on after it was refused.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import cast

from serving.http.exchange import JSON, Exchange, response_head
from serving.http.memory import LARGE_BYTES
from serving.http.receive_buffer import ReceiveBuffer
from serving.http.request_queue import RequestQueue
from serving.http.request_reader import RequestReader
from serving.http.shared import SharedState
from serving.http.write_stall import WriteStall

_TURN_SECONDS = 0.002
_SLICE_BYTES = 16 << 10
"""How much is parsed at once, unless all of it belongs to one body: it can hold 900 requests, or 2,700 chunks."""


class Connection(asyncio.Protocol):
    """A connection to a client. Its requests are handled one at a time, in the order in which they came.

    Args:
        shared: the state that all connections share.
        connections: the open connections; this one adds and removes itself.
        handle: answers a request, now or later.

    Attributes:
        quiet_since: when the connection was opened or the last answer was sent, on the loop's clock, in seconds.
        draining: whether the last answer was sent; what still arrives is thrown away until the client hangs up.
        current: the request that is being handled.
    """

    def __init__(self, shared: SharedState, connections: set[Connection], handle: Callable[[Exchange], None]) -> None:
        self._shared = shared
        self._connections = connections
        self._handle = handle
        self._buffer = ReceiveBuffer(shared.now)
        self._reader = RequestReader(
            shared.limits,
            self._buffer.reading_seconds,
            self,
            keep_headers=shared.keep_headers,
            wants_body=self._wants_body if shared.wants_body is not None else None,
        )
        self._transport: asyncio.Transport | None = None
        self._queue = RequestQueue(shared.limits.body_bytes)
        self._last = False  # nothing more is read as a request; what came before is answered
        self._client_sent_all = False
        self._pumping = False
        self._turn_comes = False
        self._writable = True
        self._peer = ""
        self.current: Exchange | None = None
        self.quiet_since = shared.now()
        self.draining = False
        self._write_stall = WriteStall(self.quiet_since)

    @property
    def is_idle(self) -> bool:
        """Whether there is no request to answer and none has begun to arrive."""
        arriving = bool(self._buffer.unparsed) or self._reader.began_at is not None
        return not arriving and self.current is None and not self._queue.waiting

    @property
    def receiving_seconds(self) -> float:
        """For how many seconds the request that is still arriving could arrive; 0 between requests."""
        began_at = self._reader.began_at
        return 0.0 if began_at is None else self._buffer.reading_seconds() - began_at

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast(asyncio.Transport, transport)
        if self._shared.keep_headers:
            peer = transport.get_extra_info("peername")
            self._peer = str(peer[0]) if peer else ""
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the loop's protocol
        """Called by the event loop. An answer that is still being computed is not wanted any more."""
        self._connections.discard(self)
        self._transport = None
        self._discard_all()
        if self.current is not None:
            self._shared.trim_is_due |= self.current.large
            self.current.abandon()

    def eof_received(self) -> bool:
        """Called by the event loop. A client may close its side and still wait for answers, but for some."""
        self._last = self._client_sent_all = True
        self._discard_incomplete()
        if self.current is not None and self.current.ends_with_client:
            return False
        return self.current is not None or bool(self._queue.waiting)

    def pause_writing(self) -> None:
        """Called by the event loop. The client does not read, so nothing more is computed for it."""
        self._writable = False

    def resume_writing(self) -> None:
        """Called by the event loop."""
        self._writable = True
        self._pump()

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if self._last or self.draining:
            return
        if self._buffer.unparsed:
            self._buffer.put(data)
        else:
            self._read(data)
        self._pump()

    def _read(self, data: bytes) -> None:
        """Parses a slice, and with it the rest of a body that it began; what is left waits for its turn."""
        refusal = self._reader.feed(data[:_SLICE_BYTES])
        rest = data[_SLICE_BYTES:]
        if rest and refusal is None:
            if len(rest) <= self._reader.body_bytes_to_come:
                refusal = self._reader.feed(rest)
            else:
                self._buffer.put(rest)
                if self._shared.is_busy and not self._turn_comes:
                    self._wait_for_turn()
        if refusal is not None:
            self.refuse(*refusal)

    # What the reader calls.

    def take(self, exchange: Exchange) -> None:
        """Called by the reader for each complete request."""
        self._last |= not exchange.keep_alive
        exchange.peer = self._peer
        self._queue.put(exchange)

    def _wants_body(self, exchange: Exchange) -> bool:
        exchange.peer = self._peer
        return self._shared.wants_body is None or self._shared.wants_body(exchange)

    def expect_continue(self) -> None:
        """Called by the reader. Says "100 Continue", unless an answer to an earlier request comes first."""
        if self._transport is not None and not self._queue.waiting and self.current is None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    # What becomes of requests.

    def refuse(self, status: int, body: bytes, content_type: bytes = JSON) -> None:
        """Answers a request that is not read to its end, after those before it, and closes the connection."""
        if self._last:
            return
        self._last = True
        self._discard_incomplete()
        self._queue.put(Exchange(self, "GET", ""), (status, body, content_type))
        self._pump()

    def send(self, exchange: Exchange, status: int, body: bytes, content_type: bytes, headers: bytes) -> None:
        """Writes the answer to the current request; `Exchange.answer` calls it."""
        if self._transport is None or exchange is not self.current:
            return
        keep = exchange.keep_alive
        if keep and (self._last or self._shared.stopping):
            keep = bool(self._queue.waiting) or (bool(self._buffer.unparsed) and not self._last)
        lines = self._shared.date_line() + headers
        head = response_head(status, content_type, len(body), lines, keep_alive=keep, is_http_1_0=exchange.is_http_1_0)
        self._shared.trim_is_due |= exchange.large
        self._transport.write(head if exchange.method == "HEAD" else head + body)
        self.current = None
        self.quiet_since = self._shared.now()
        if keep:
            self._pump()
        else:
            self._finish()

    def _pump(self) -> None:
        """Does whatever can be done now; has to be called after each change."""
        if self._pumping:
            return  # called for an answer that came at once: the loop in `_work` goes on
        if not self._turn_comes:
            self._pumping = True
            try:
                self._work()
            finally:
                self._pumping = False
        if self._queue.waiting or self._buffer.unparsed or self._buffer.is_paused:
            self._pause_or_resume()

    def _work(self) -> None:
        """Handles the requests that are complete and parses what has arrived, until it is the turn of others."""
        turn_ends = time.monotonic() + _TURN_SECONDS
        while not self.draining:
            answerable = self._queue.waiting and self.current is None and self._writable
            if not answerable and (not self._buffer.unparsed or self._last or self._has_enough_queued()):
                return
            if time.monotonic() > turn_ends:
                self._wait_for_turn()
                return
            if not answerable:
                data = self._buffer.take(max(_SLICE_BYTES, self._reader.body_bytes_to_come))
                refusal = self._reader.feed(data)
                if refusal is not None:
                    self.refuse(*refusal)
                continue
            exchange, refusal = self._queue.next()
            self.current = exchange
            if refusal is None:
                self._handle(exchange)
                if self._client_sent_all and exchange.ends_with_client and not exchange.answered:
                    self.close()
                    return
            else:
                exchange.answer(*refusal)

    def _wait_for_turn(self) -> None:
        self._turn_comes = True
        self._shared.ask_for_turn(self._take_turn)

    def _take_turn(self) -> None:
        self._turn_comes = False
        self._pump()

    def _has_enough_queued(self) -> bool:
        # Two thresholds, so that reading is not paused and resumed with each request.
        return self._queue.is_fuller_than(0.5 if self._buffer.is_paused else 1.0)

    def _pause_or_resume(self) -> None:
        """Reads no more from the socket while there is enough to do."""
        if self._last:
            self._buffer.clear()
        if self._transport is not None and not self._transport.is_closing():
            self._buffer.set_paused(self._transport, bool(self._buffer.unparsed) or self._has_enough_queued())

    def _finish(self) -> None:
        """Closes our side only: a client that is still sending would see a reset instead of the answer."""
        self._last = True
        self.draining = True
        self._discard_all()
        if self._transport is None:
            return
        try:
            self._transport.write_eof()
        except OSError:  # the client has hung up already
            self._transport.close()
            return
        self._buffer.set_paused(self._transport, False)

    def close(self) -> None:
        """Closes the connection once the answers are sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Closes the connection at once, whatever is still to be sent."""
        if self._transport is not None:
            self._transport.abort()

    def stalled_seconds(self, now: float) -> float:
        """For how many seconds the client has taken in nothing of an answer, observed at each call."""
        unsent = self._transport.get_write_buffer_size() if self._transport is not None else 0
        return self._write_stall.stalled_seconds(unsent, now)

    def _discard_all(self) -> None:
        """Forgets everything but the request that is being handled."""
        self._queue.clear()
        self._buffer.clear()
        self._discard_incomplete()

    def _discard_incomplete(self) -> None:
        """Forgets what has arrived of an incomplete request."""
        self._shared.trim_is_due |= self._reader.body_bytes > LARGE_BYTES
        self._reader.discard()
