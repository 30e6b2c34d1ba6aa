"""Header fields: those that end at a connection, and the identifier of a request."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator

Fields = Iterable[tuple[bytes, bytes]]
"""Header fields as sent, name and value, in order."""

REQUEST_ID = b"x-request-id"
MODEL_VERSION = b"x-model-version"
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._~:+/=-]{1,128}")
_OF_A_CONNECTION = frozenset(
    (
        *(b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization"),
        *(b"te", b"trailer", b"transfer-encoding", b"upgrade", b"content-length", b"expect", b"host"),
    )
)
"""RFC 9110, section 7.6.1, and those that are written anew."""
_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
SECURITY_LINES = b"".join(b"%b: %b\r\n" % (name.title(), value) for name, value in _SECURITY)
"""Header lines of every answer but a page: a browser that is led to it shows and runs nothing of it."""
_PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_PAGE_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # With no-referrer a form would be sent with "Origin: null", and an old browser could not say whence it comes.
    (b"referrer-policy", b"same-origin"),
    (b"content-security-policy", _PAGE_POLICY),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
PAGE_SECURITY_LINES = b"".join(b"%b: %b\r\n" % (name.title(), value) for name, value in _PAGE_SECURITY)
"""Those of a page and what belongs to it: it loads from here alone, nobody frames it, and no cache keeps it."""
_WRITTEN_HERE = frozenset(
    (b"content-type", b"date", b"server", REQUEST_ID, MODEL_VERSION, *(name for name, _ in _SECURITY))
)


def first(fields: Fields, name: bytes) -> bytes | None:
    """The value of the first field with a name, which is given in lower case; None when there is none."""
    return next((value for each, value in fields if each.lower() == name), None)


def says_gzip(fields: Fields) -> bool:
    """Whether a server might inflate the body. In doubt it is checked both ways."""
    return any(name.lower() == b"content-encoding" and b"gzip" in value.lower() for name, value in fields)


def request_id(fields: Fields) -> str:
    """The identifier that the client gave, if it is one to write into a log; else a new one."""
    given = first(fields, REQUEST_ID)
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given.decode("ascii")
    return secrets.token_hex(8)


def is_request_id(text: str) -> bool:
    """Whether a text is an identifier of a request."""
    return _REQUEST_ID.fullmatch(text.encode("utf-8", "replace")) is not None


def to_upstream(fields: Fields, *, without: frozenset[bytes]) -> bytes:
    """The lines of a request's header that go on, each with its line end."""
    return b"".join(_lines(fields, without | {REQUEST_ID}))


def to_client(fields: Fields) -> bytes:
    """The lines of an answer's header that go on, each with its line end; the content type is not among them."""
    return b"".join(_lines(fields, _WRITTEN_HERE))


def _lines(fields: Fields, without: frozenset[bytes]) -> Iterator[bytes]:
    fields = list(fields)
    # Connection names further fields that concern this connection only.
    named = {
        option.strip().lower()
        for name, value in fields
        if name.lower() == b"connection"
        for option in value.split(b",")
    }
    for name, value in fields:
        small = name.lower()
        skipped = small in _OF_A_CONNECTION or small in without or small in named
        if not skipped and b"\r" not in value and b"\n" not in value:
            yield b"%b: %b\r\n" % (name, value)
