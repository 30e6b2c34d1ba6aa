"""The outcome of a request: TensorFlow's status codes, and the HTTP status that TensorFlow Serving gives each."""

from __future__ import annotations

CODE_NAMES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
"""Names by number, as in google/rpc/code.proto and tf.errors.OpError.error_code."""

_HTTP = {
    "OK": 200,
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
    "UNAUTHENTICATED": 401,
}


class StatusError(Exception):
    """Something ended with a status other than OK.

    Attributes:
        code: the name of the status code, one of `CODE_NAMES`.
        message: the text for the client, without the code.
        body: the answer that says so, if it was made already; such a text can be megabytes long.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.body = b""

    @property
    def http_status(self) -> int:
        """The HTTP status TensorFlow Serving answers with for this code."""
        return _HTTP[self.code]


def server_failed() -> StatusError:
    """The error for an unexpected exception, which belongs in the log and is not told to the client."""
    return StatusError("INTERNAL", "The server failed; its log says how.")


def invalid(message: str) -> StatusError:
    """The error for a wrong request: INVALID_ARGUMENT."""
    return StatusError("INVALID_ARGUMENT", message)
