"""What a server takes on at most. TensorFlow Serving has none of these limits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of a server.

    Attributes:
        connections: how many may be open, if the process may have so many descriptors; beyond it 503 with Retry-After.
        body_bytes: the largest request body, also after unpacking gzip; beyond it 413.
        header_bytes: the largest request line with headers; beyond it 431.
        requests: how many requests may be in work at once; beyond it 503 with Retry-After.
        answer_seconds: how long a request may take in the graph and before it; beyond it 504. 0: for ever.
        receive_seconds: how long a client may take to send one request; beyond it 408.
        idle_seconds: how long a connection may stay open without a request.
        stop_seconds: how long a stopping server waits for what is in flight.
    """

    connections: int = 10_000
    body_bytes: int = 16 << 20
    header_bytes: int = 256 << 10
    requests: int = 512
    answer_seconds: float = 30.0
    receive_seconds: float = 60.0
    idle_seconds: float = 300.0
    stop_seconds: float = 30.0

    def too_large(self) -> bytes:
        """What a body beyond `body_bytes` is answered with."""
        return (
            b'{\n    "error": "The request body is larger than %d bytes. Send fewer rows in one request, or start '
            b'the server with a larger --max_body_bytes."\n}' % self.body_bytes
        )
