"""Tokens: names, scopes and limits; of the token itself its SHA-256 only.

A token has 256 random bits, so nobody guesses one from its hash, however fast the hash is. A slow hash, which passwords
need, would make each request slow and add nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

SCOPES = ("score", "outcomes", "predict")
"""What a token may be for: /v1/score, outcomes of customers, and TensorFlow Serving's API."""


@dataclass(frozen=True)
class Token:
    """What is known of a token.

    Attributes:
        name: Whose it is; it is written into the log.
        scopes: What it is for, some of `SCOPES`.
        sha256: The hash of the token, 64 hexadecimal digits.
        requests_per_second: How many requests a second it may send in the long run.
        burst: How many it may send at once after a pause.
        body_bytes: How large a body may be.
    """

    name: str
    scopes: tuple[str, ...]
    sha256: str
    requests_per_second: float = 200.0
    burst: int = 400
    body_bytes: int = 16 << 20


def new_secret() -> str:
    """A new token: 32 random bytes in letters that need no quoting."""
    return secrets.token_urlsafe(32)


def sha256(secret: bytes) -> str:
    """The hash under which a token is kept."""
    return hashlib.sha256(secret).hexdigest()


def find(tokens: Iterable[Token], secret: bytes) -> Token | None:
    """The token that a client sent, or None; all are compared, each in the same time, whichever it is."""
    given = sha256(secret)
    found = None
    for token in tokens:
        if hmac.compare_digest(token.sha256, given):
            found = token
    return found
