"""A POST of JSON to the address of an Airflow Connection, signed if the Connection has a secret to sign with.

The signature is `t=SECONDS,v1=HEX`: HEX is HMAC-SHA256 (RFC 2104), with the secret, of the seconds since 1970, a point,
and the bytes of the body. The time is signed too, so that a receiver can refuse what somebody sends once more later.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import urllib.request
from typing import TYPE_CHECKING, Any

from ml.errors import SettingsError

if TYPE_CHECKING:
    from airflow.sdk import Connection

SIGNATURE = "X-Retrain-Signature"
SECRET = "signing_secret"  # noqa: S105 - the name of the field in the Connection's extra
SHORTEST_SECRET = 16
TIMEOUT_SECONDS = 10


def post(payload: dict[str, Any], connection: Connection) -> None:
    """Post the payload.

    Raises:
        SettingsError: The Connection has no URL, or a secret that is too short to sign with.
        OSError: Nobody answered, or not with 2xx; a redirect counts as an answer.
    """
    secret = (connection.password or "").strip()  # a file with a token ends with a newline, which a header cannot hold
    url, token = (connection.host, secret) if connection.host else (secret, "")
    if not url.startswith(("http://", "https://")):
        raise SettingsError(
            f"Connection {connection.conn_id}: its host is not a URL.",
            "Put the whole http(s) URL of the webhook there; or, if it is a secret, into the password, with no host.",
        )
    body = json.dumps(payload).encode()
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if signing := _signing_secret(connection):
        headers[SIGNATURE] = signature(body, signing, int(time.time()))
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 - checked above
    with _OPENER.open(request, timeout=TIMEOUT_SECONDS):  # raises unless the answer is 2xx
        pass


def signature(body: bytes, secret: str, seconds: int) -> str:
    """Return the value of the header `SIGNATURE` for a body that is sent at this second since 1970."""
    signed = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={signed}"


def _signing_secret(connection: Connection) -> str:
    secret = str(connection.extra_dejson.get(SECRET) or "").strip()
    if secret and len(secret) < SHORTEST_SECRET:
        raise SettingsError(
            f"Connection {connection.conn_id}: its {SECRET} has fewer than {SHORTEST_SECRET} characters.",
            "Make a longer one, for example by: openssl rand -hex 32",
        )
    return secret


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A handler that makes a 3xx an HTTPError: another host must not get the token, and a GET would tell nobody."""

    def redirect_request(self, *_: object) -> None:
        """Return None, which means: do not follow."""


_OPENER = urllib.request.build_opener(_NoRedirect)
