"""The request targets that libevent, TensorFlow Serving's HTTP library, passes on to the API."""

from __future__ import annotations

import re

METHODS = frozenset({"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"})
"""The methods that it passes on; any other is 501. Source: EvHTTPServer::Initialize in evhttp_server.cc."""

_CHARACTER = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})"
_WELL_FORMED = re.compile(rf"(?:{_CHARACTER}|/)*(?:\?(?:{_CHARACTER}|[/?])*)?(?:#(?:{_CHARACTER}|[/?])*)?")
_ABSOLUTE = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_PATH = re.compile(r"[^?#]*")
_API = re.compile(r"/v1/.*", re.IGNORECASE)


def relative(target: str) -> str | None:
    """The target without scheme and host, or None when it is not a URI."""
    absolute = _ABSOLUTE.match(target)
    if absolute is not None:
        target = target[absolute.end() :] or "/"
    return target if _WELL_FORMED.fullmatch(target) else None


def path(target: str) -> str:
    """The target without query and fragment."""
    return _PATH.match(target)[0]  # type: ignore[index]  # it matches anything


def is_api(target: str) -> bool:
    """Whether a target belongs to the API; any other is 404."""
    return _API.fullmatch(target) is not None
