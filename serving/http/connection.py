"""One HTTP/1.1 connection: requests go in turn to whoever answers them, answers back in that order.

uvicorn would do, but half of a small prediction's time would go into its per-request tasks and queues; and it leaves
open what a server without a proxy before it must settle: how long a request may take to arrive, how large it may be,
and what becomes of a client that sends on after it was refused.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import cast

from serving.http.exchange import JSON, Exchange, response_head
from serving.http.memory import LARGE_BYTES
from serving.http.request_reader import Refusal, RequestReader
from serving.http.shared import Shared

_PIPELINED = 16
_TURN_SECONDS = 0.002


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
        self._reader = RequestReader(shared.limits, shared.now, self)
        self._transport: asyncio.Transport | None = None
        self._queue: deque[tuple[Exchange, Refusal | None]] = deque()
        self._queued_bytes = 0
        self._last = False  # nothing more is read as a request; what came before is answered
        self._pumping = False
        self._turn_comes = False
        self._writable = True
        self._reading = True
        self.current: Exchange | None = None
        self.quiet_since = shared.now()
        self.draining = False
        self._unsent, self._moved_at = 0, self.quiet_since

    @property
    def receiving_since(self) -> float | None:
        """When the request that is still arriving began, on the loop's clock; None between requests."""
        return self._reader.since

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to answer and nothing on its way in."""
        return self.current is None and not self._queue and self._reader.since is None

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast(asyncio.Transport, transport)
        self._open_ones.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the loop's protocol
        """Called by the event loop; an answer that is still being computed has nobody to go to."""
        self._open_ones.discard(self)
        self._transport = None
        self._queue.clear()
        self._queued_bytes = 0
        self._let_go()
        if self.current is not None:
            self._shared.trim_soon |= self.current.large
            self.current.give_up()

    def eof_received(self) -> bool:
        """Called by the event loop; a client may close its side and still wait for answers."""
        self._last = True
        self._let_go()
        return self.current is not None or bool(self._queue)

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
        refusal = self._reader.feed(data)
        if refusal is not None:
            self.refuse(*refusal)
        self._pump()

    # What the reader calls.

    def take(self, method: str, target: str, body: bytes, *, gzipped: bool, keep: bool, old: bool) -> None:
        """Called by the reader: a request is there."""
        self._last |= not keep
        self._queue.append((Exchange(self, method, target, gzipped=gzipped, body=body, keep=keep, old=old), None))
        self._queued_bytes += len(body)
        if self._reading and self._transport is not None and self._has_queued_more_than(1.0):
            self._transport.pause_reading()
            self._reading = False

    def waits_to_go_on(self) -> None:
        """Called by the reader. While an answer is due the client must wait, or go on as it likes."""
        if self._transport is not None and not self._queue and self.current is None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    # What becomes of requests.

    def refuse(self, status: int, body: bytes, kind: bytes = JSON) -> None:
        """Answers what is not worth reading to its end, after the requests before it, and closes."""
        if self._last:
            return
        self._last = True
        self._let_go()
        refused = Exchange(self, "GET", "")
        self._queue.append((refused, (status, body, kind)))
        self._pump()

    def send(self, exchange: Exchange, status: int, body: bytes, kind: bytes, headers: bytes) -> None:
        """Writes the answer to the current request; `Exchange.answer` calls it."""
        if self._transport is None or exchange is not self.current:
            return
        keep = bool(self._queue) or (exchange.keep and not self._last and not self._shared.stopping)
        lines = self._shared.date_line() + headers
        if not keep:
            lines += b"Connection: close\r\n"
        elif exchange.old:
            lines += b"Connection: keep-alive\r\n"
        head = response_head(status, kind, len(body), lines, old=exchange.old)
        self._shared.trim_soon |= exchange.large
        self._transport.write(head if exchange.method == "HEAD" else head + body)
        self.current = None
        self.quiet_since = self._shared.now()
        if keep:
            self._pump()
        else:
            self._finish()

    def _pump(self) -> None:
        if self._pumping or self._turn_comes:
            return  # an answer that came at once: the loop below goes on; or it does so in its turn
        self._pumping = True
        turn_ends = time.monotonic() + _TURN_SECONDS
        try:
            while self._queue and self.current is None and self._writable and not self.draining:
                if time.monotonic() > turn_ends:  # now it is the turn of other connections
                    self._turn_comes = True
                    self._shared.call_soon(self._take_turn)
                    break
                exchange, refusal = self._queue.popleft()
                self._queued_bytes -= len(exchange.body)
                self.current = exchange
                if refusal is None:
                    self._handle(exchange)
                else:
                    exchange.answer(*refusal)
        finally:
            self._pumping = False
        if not self._reading and self._transport is not None and not self._has_queued_more_than(0.5):
            self._transport.resume_reading()
            self._reading = True

    def _take_turn(self) -> None:
        self._turn_comes = False
        self._pump()

    def _has_queued_more_than(self, share: float) -> bool:
        limit = self._shared.limits.body_bytes
        return len(self._queue) > _PIPELINED * share or self._queued_bytes > limit * share

    def _finish(self) -> None:
        """Closes so that the answer arrives: a client that is still sending would see a reset instead."""
        self._last = True
        self.draining = True
        if self._transport is None:
            return
        try:
            self._transport.write_eof()
        except OSError:  # the client has hung up already
            self._transport.close()
            return
        if not self._reading:
            self._transport.resume_reading()
            self._reading = True

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
        if unsent != self._unsent or not unsent:
            self._unsent, self._moved_at = unsent, now
        return now - self._moved_at

    def _let_go(self) -> None:
        """Drops what had arrived of a request."""
        self._shared.trim_soon |= self._reader.body_bytes > LARGE_BYTES
        self._reader.drop()
