"""What stood between the Kaggle client and kaggle.com: the line, a proxy, a certificate, or the disk."""

from __future__ import annotations

import os
from typing import Any

_NETWORK_ERRORS = (ConnectionError, TimeoutError)


def trouble_report(error: OSError) -> dict[str, Any]:
    """The report of an error that a download met.

    requests tells several causes by the same class, and some only by their text, which may hold an address with a
    password; so the text is looked at here and never passed on.

    Returns:
        `kind` and facts: network (error), proxy_login, socks, certificate, ca_bundle, proxy_address, disk (errno,
        strerror, filename), failed (error).
    """
    import requests

    text = str(error)
    if isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in text:
        return {"kind": "certificate"}
    if isinstance(error, requests.exceptions.ProxyError) and "failed: 407" in text:
        return {"kind": "proxy_login"}
    if isinstance(error, requests.exceptions.InvalidSchema) and "SOCKS" in text:
        return {"kind": "socks"}
    if isinstance(error, requests.exceptions.InvalidURL):
        return {"kind": "proxy_address"}
    if isinstance(error, (requests.RequestException, *_NETWORK_ERRORS)):
        return {"kind": "network", "error": type(error).__name__}
    if "CA certificate bundle" in text:
        return {"kind": "ca_bundle"}
    if error.errno is None:
        return {"kind": "failed", "error": type(error).__name__}
    # The client tries a token as the name of a file; a token has no slash.
    filename = str(error.filename) if os.sep in str(error.filename) else ""
    return {"kind": "disk", "errno": error.errno, "strerror": error.strerror, "filename": filename}
