"""Whether a page of the gateway itself made a request.

A page of somebody else can have a browser send a form here (cross-site request forgery); it cannot choose these fields.
"""

from __future__ import annotations

from serving.gateway.headers import Fields, first


def is_same_origin(fields: Fields, *, is_tls: bool) -> bool:
    """Whether the browser says that the request comes from a page of this origin.

    Args:
        fields: The header fields of the request; its Host was checked already.
        is_tls: Whether the client speaks TLS.
    """
    fields = list(fields)
    site = first(fields, b"sec-fetch-site")
    if site is not None:
        return site == b"same-origin"
    origin, host = first(fields, b"origin"), first(fields, b"host")
    scheme = b"https" if is_tls else b"http"
    return origin is not None and host is not None and origin.lower() == b"%b://%b" % (scheme, host.lower())


def asks_for_page(fields: Fields) -> bool:
    """Whether a browser asks for a page to show, rather than a script for data."""
    fields = list(fields)
    mode = first(fields, b"sec-fetch-mode")
    return mode == b"navigate" if mode is not None else b"text/html" in (first(fields, b"accept") or b"").lower()
