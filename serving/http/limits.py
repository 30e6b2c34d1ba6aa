"""The limits of a server. TensorFlow Serving has none of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of a server.

    Attributes:
        connections: how many connections may be open, or as many as the process has file descriptors for, if those are
            fewer; more get 503 with Retry-After.
        body_bytes: the size of the largest request body, also after unpacking gzip; a larger one gets 413. Of a chunked
            body eight times as many bytes may arrive, framing included; beyond it 400.
        header_bytes: the size of the largest request target with header and trailer fields; a larger one gets 431.
            Twice as many bytes may arrive, line ends and white space included; beyond it 431 in a header, else 400.
        requests: how many requests may be in work at once; more get 503 with Retry-After.
        answer_seconds: how long a request may take from its arrival to its answer; beyond it 504. 0: for ever.
        receive_seconds: how long a client may take to send a request (408) or to read an answer (it is cut off).
        idle_seconds: how long a connection may stay open without a request.
        stop_seconds: how long a stopping server waits for requests that are in flight.
    """

    connections: int = 10_000
    body_bytes: int = 16 << 20
    header_bytes: int = 256 << 10
    requests: int = 512
    answer_seconds: float = 30.0
    receive_seconds: float = 60.0
    idle_seconds: float = 300.0
    stop_seconds: float = 30.0

    def body_too_large(self) -> bytes:
        """The answer to a body larger than `body_bytes`."""
        return (
            b'{\n    "error": "The request body is larger than %d bytes. Send fewer rows in one request, or start '
            b'the server with a larger --max_body_bytes."\n}' % self.body_bytes
        )
