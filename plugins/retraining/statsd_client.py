"""A StatsD client that follows its server to another address, and waits for one that is not there yet.

`statsd.StatsClient` resolves the server's name once, when it is made. A container that is made anew gets another
address: whoever resolved its name before talks to nobody until it is restarted. And where the name is unknown at that
moment, Airflow goes without metrics for as long as the process lives. `prometheus/airflow.env` names this class
instead; Airflow makes one in each process at its first metric, and another in each child after a fork.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from statsd import StatsClient

log = logging.getLogger(__name__)
PACKET_BYTES = 512
LOOK_UP = "statsd-address"
FORK_SECONDS = 0.05


def _let_look_ups_end() -> None:
    """Wait before a fork for look-ups, during which the C library holds locks for moments.

    A child that came into being just then would inherit them locked and could never resolve a name.
    """
    for thread in threading.enumerate():
        if thread.name == LOOK_UP:
            with suppress(RuntimeError):  # it has not even started
                thread.join(FORK_SECONDS)


os.register_at_fork(before=_let_look_ups_end)


class ResolvingStatsClient(StatsClient):  # type: ignore[misc] # it has no types
    """A client that sends to where `host` resolves now, and drops what cannot be sent; it never raises or waits.

    Names are resolved in a thread that ends when it knows: resolving may hang, and a scheduler must not. Threads do not
    survive a fork; the child then starts one of its own. Airflow passes the four parameters by position (the stock
    client would take its `ipv6` for a packet size); the others are for tests.
    """

    FRESH_SECONDS = 30.0
    RETRY_SECONDS = 5.0
    FIRST_SECONDS = 0.5
    """How long the constructor waits: the first metrics of a process that ends soon are all that it says."""
    _lookup: threading.Thread | None = None

    def __init__(
        self,
        host: str,
        port: int,
        prefix: str | None = None,
        ipv6: bool = False,
        *,
        resolve: Callable[..., Any] = socket.getaddrinfo,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prefix = prefix
        self._maxudpsize = PACKET_BYTES
        self._server = (host, port, socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
        self._resolve, self._clock = resolve, clock
        self._sock: socket.socket | None = None
        self._addr: Any = None
        self._due = clock()
        self._look_up_if_due()
        if self._lookup:
            self._lookup.join(self.FIRST_SECONDS)
        if self._addr is None:
            log.warning("StatsD server %s: no address yet; metrics are dropped until there is one", host)

    def _send(self, data: str) -> None:
        self._look_up_if_due()
        sender, address = self._sock, self._addr
        if sender and address:
            with suppress(OSError):
                sender.sendto(data.encode("ascii", "replace"), address)

    def _look_up_if_due(self) -> None:
        now = self._clock()
        if now < self._due or (self._lookup and self._lookup.is_alive()):
            return
        self._due = now + self.RETRY_SECONDS
        lookup = threading.Thread(target=self._look_up, name=LOOK_UP, daemon=True)
        with suppress(RuntimeError):  # no more threads, or the interpreter is about to end
            lookup.start()
            self._lookup = lookup

    def _look_up(self) -> None:
        """Resolve the name, in the thread; nothing is logged, as a fork would leave the child with a locked log."""
        with suppress(OSError, UnicodeError):  # unknown, or not a name at all; an address known before stays
            family, kind, _, _, address = self._resolve(*self._server)[0]
            if self._sock is None:
                self._sock = socket.socket(family, kind)
                self._sock.setblocking(False)
            self._addr = address
            self._due = self._clock() + self.FRESH_SECONDS
