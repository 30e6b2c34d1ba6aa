"""One HTTP/1.1 connection: requests go in turn to whoever answers them, answers back in that order.

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
from serving.http.send_progress import SendProgress
from serving.http.shared import Shared

_TURN_SECONDS = 0.002
_SLICE_BYTES = 16 << 10
"""So much is parsed at once, as it may hold 900 requests or 2,700 chunks; more only when it is one body."""


class Connection(asyncio.Protocol):
    """A client's connection. Requests are answered in the order they came.

    Args:
        shared: what all connections know.
        open_ones: the connections that are open; this one puts itself in and takes itself out.
        handle: who answers requests, now or later.

    Attributes:
        quiet_since: when the last thing happened, on the loop's clock.
        draining: everything is said; what still arrives is thrown away until the client hangs up.
        current: the request that is being worked on.
    """

    def __init__(self, shared: Shared, open_ones: set[Connection], handle: Callable[[Exchange], None]) -> None:
        self._shared = shared
        self._open_ones = open_ones
        self._handle = handle
        self._buffer = ReceiveBuffer(shared.now)
        self._reader = RequestReader(shared.limits, self._buffer.reading_seconds, self)
        self._transport: asyncio.Transport | None = None
        self._queue = RequestQueue(shared.limits.body_bytes)
        self._last = False  # nothing more is read as a request; what came before is answered
        self._pumping = False
        self._turn_comes = False
        self._writable = True
        self.current: Exchange | None = None
        self.quiet_since = shared.now()
        self.draining = False
        self._progress = SendProgress(self.quiet_since)

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to answer and nothing on its way in."""
        return (
            self.current is None
            and not self._queue.waiting
            and not self._buffer.unparsed
            and self._reader.since is None
        )

    @property
    def receiving_seconds(self) -> float:
        """For how many seconds the socket was read for the request that is still arriving; 0 between requests."""
        since = self._reader.since
        return 0.0 if since is None else self._buffer.reading_seconds() - since

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast(asyncio.Transport, transport)
        self._open_ones.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the loop's protocol
        """Called by the event loop; an answer that is still being computed has nobody to go to."""
        self._open_ones.discard(self)
        self._transport = None
        self._drop_all()
        if self.current is not None:
            self._shared.trim_soon |= self.current.large
            self.current.give_up()

    def eof_received(self) -> bool:
        """Called by the event loop; a client may close its side and still wait for answers."""
        self._last = True
        self._let_go()
        return self.current is not None or bool(self._queue.waiting)

    def pause_writing(self) -> None:
        """Called by the event loop; the client does not read, so nothing more is computed for it."""
        self._writable = False

    def resume_writing(self) -> None:
        """Called by the event loop."""
        self._writable = True
        self._pump()

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if self._last or self.draining:
            return
        if len(data) > _SLICE_BYTES or self._buffer.unparsed:
            self._buffer.put(data)
            if self._shared.is_busy and not self._turn_comes:
                self._wait_for_turn()
        else:
            refusal = self._reader.feed(data)
            if refusal is not None:
                self.refuse(*refusal)
        self._pump()

    # What the reader calls.

    def take(self, exchange: Exchange) -> None:
        """Called by the reader: a request is there."""
        self._last |= not exchange.keep
        self._queue.put(exchange)

    def waits_to_go_on(self) -> None:
        """Called by the reader. While an answer is due the client must wait, or go on as it likes."""
        if self._transport is not None and not self._queue.waiting and self.current is None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    # What becomes of requests.

    def refuse(self, status: int, body: bytes, kind: bytes = JSON) -> None:
        """Answers what is not worth reading to its end, after the requests before it, and closes."""
        if self._last:
            return
        self._last = True
        self._let_go()
        self._queue.put(Exchange(self, "GET", ""), (status, body, kind))
        self._pump()

    def send(self, exchange: Exchange, status: int, body: bytes, kind: bytes, headers: bytes) -> None:
        """Writes the answer to the current request; `Exchange.answer` calls it."""
        if self._transport is None or exchange is not self.current:
            return
        keep = exchange.keep
        if keep and (self._last or self._shared.stopping):
            keep = bool(self._queue.waiting) or (bool(self._buffer.unparsed) and not self._last)
        lines = self._shared.date_line() + headers
        head = response_head(status, kind, len(body), lines, keep=keep, old=exchange.old)
        self._shared.trim_soon |= exchange.large
        self._transport.write(head if exchange.method == "HEAD" else head + body)
        self.current = None
        self.quiet_since = self._shared.now()
        if keep:
            self._pump()
        else:
            self._finish()

    def _pump(self) -> None:
        if self._pumping:
            return  # an answer that came at once: the loop below goes on
        if not self._turn_comes:
            self._pumping = True
            try:
                self._work()
            finally:
                self._pumping = False
        if self._queue.waiting or self._buffer.unparsed or self._buffer.is_paused:
            self._pause_or_resume()

    def _work(self) -> None:
        """Answers what has come and parses what is unread, until there is nothing to do or it is the turn of others."""
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
            else:
                exchange.answer(*refusal)

    def _wait_for_turn(self) -> None:
        self._turn_comes = True
        self._shared.ask_for_turn(self._take_turn)

    def _take_turn(self) -> None:
        self._turn_comes = False
        self._pump()

    def _has_enough_queued(self) -> bool:
        # So that reading does not go on and off with each request.
        return self._queue.is_fuller_than(0.5 if self._buffer.is_paused else 1.0)

    def _pause_or_resume(self) -> None:
        """Has no more read from the socket than can soon be worked on."""
        if self._last:
            self._buffer.clear()
        if self._transport is not None and not self._transport.is_closing():
            self._buffer.set_paused(self._transport, bool(self._buffer.unparsed) or self._has_enough_queued())

    def _finish(self) -> None:
        """Closes so that the answer arrives: a client that is still sending would see a reset instead."""
        self._last = True
        self.draining = True
        self._drop_all()
        if self._transport is None:
            return
        try:
            self._transport.write_eof()
        except OSError:  # the client has hung up already
            self._transport.close()
            return
        self._buffer.set_paused(self._transport, False)

    def close(self) -> None:
        """Hangs up once the answers are out."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Hangs up, whatever is still to be sent."""
        if self._transport is not None:
            self._transport.abort()

    def stuck_for(self, now: float) -> float:
        """For how many seconds the client has taken in nothing of an answer, as seen at each call of this."""
        unsent = self._transport.get_write_buffer_size() if self._transport is not None else 0
        return self._progress.stuck_for(unsent, now)

    def _drop_all(self) -> None:
        """Drops everything that is not being worked on."""
        self._queue.clear()
        self._buffer.clear()
        self._let_go()

    def _let_go(self) -> None:
        """Drops what had arrived of a request."""
        self._shared.trim_soon |= self._reader.body_bytes > LARGE_BYTES
        self._reader.drop()
