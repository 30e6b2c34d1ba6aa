"""Lets a request in, or says why not."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection

from serving.gateway.access.encryption import Encryption
from serving.gateway.access.host_names import LOOPBACK_NAMES, strange_name
from serving.gateway.access.token_bucket import TokenBucket
from serving.gateway.access.token_file import TokenFile
from serving.gateway.access.tokens import Token, find
from serving.gateway.headers import first
from serving.http.exchange import Exchange

CHALLENGE = b'WWW-Authenticate: Bearer realm="gateway"\r\n'
_BEARER = b"bearer "


class RefusedError(Exception):
    """A request is not let in.

    Attributes:
        status: The HTTP status that says so.
        headers: Header lines of the answer, each with its line end.
    """

    def __init__(self, status: int, message: str, headers: bytes = b"") -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


class Door:
    """Decides about requests. It belongs to the event loop's thread.

    Args:
        tokens: The tokens; None lets everybody in, which is for loopback only.
        host_names: Names of the gateway, beside those of loopback.
        encryption: From whom a token is accepted.
        now: A clock in seconds.

    Attributes:
        tokens, encryption, now: As above, for the door of the pages.
    """

    def __init__(
        self,
        tokens: TokenFile | None,
        host_names: Collection[str] = (),
        encryption: Encryption | None = None,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tokens, self.encryption, self.now = tokens, encryption or Encryption(), now
        self._names = frozenset((*LOOPBACK_NAMES, *(name.lower() for name in host_names)))
        self._buckets: dict[str, TokenBucket] = {}

    def check_host(self, exchange: Exchange, target_host: str | None) -> None:
        """Checks what the request calls the gateway.

        Raises:
            RefusedError: It is none of its names.
        """
        strange = strange_name(exchange.headers, target_host, self._names)
        if strange is not None:
            raise RefusedError(
                421, f"{strange[:100]!r} is not a name of this gateway. Start it with --host-name if it should be."
            )

    def admit(self, exchange: Exchange, scope: str) -> Token | None:
        """The token of a request, which counts towards its limit; None when none is needed.

        Raises:
            RefusedError: There is no token, it is wrong, of another scope, was readable on its way, or is over a limit.
        """
        token = self.identify(exchange, scope)
        if token is None:
            return None
        self.check_limits(token, exchange)
        return token

    def identify(self, exchange: Exchange, scope: str) -> Token | None:
        """The token of a request by its header, whatever its limits; None when none is needed.

        Raises:
            RefusedError: There is no token, it is wrong, of another scope, or was readable on its way.
        """
        if self.tokens is None:
            return None
        given = first(exchange.headers, b"authorization")
        if given is None or given[: len(_BEARER)].lower() != _BEARER:
            raise RefusedError(401, "This needs a token. Send it as Authorization: Bearer TOKEN.", CHALLENGE)
        if not self.encryption.covers(exchange.peer, exchange.headers):
            raise over_plain_http()
        token = find(self.tokens.tokens(), given[len(_BEARER) :].strip())
        if token is None:
            raise RefusedError(401, "The token is not known here. Ask for a new one.", CHALLENGE)
        check_scope(token, scope)
        return token

    def check_limits(self, token: Token, exchange: Exchange) -> None:
        """Counts a request towards the limit of its token.

        Raises:
            RefusedError: It is over a limit.
        """
        seconds = self._bucket(token).wait_seconds(self.now())
        if seconds > 0:
            raise RefusedError(
                429,
                f"The token {token.name} may send {token.requests_per_second:g} requests a second. Try again later.",
                b"Retry-After: %d\r\n" % math.ceil(seconds),
            )
        if len(exchange.body) > token.body_bytes:
            raise RefusedError(
                413, f"The token {token.name} may send {token.body_bytes} bytes in one request. Send fewer rows."
            )

    def _bucket(self, token: Token) -> TokenBucket:
        bucket = self._buckets.get(token.sha256)
        if bucket is None or (bucket.per_second, bucket.burst) != (token.requests_per_second, token.burst):
            bucket = self._buckets[token.sha256] = TokenBucket(token.requests_per_second, token.burst, self.now())
        return bucket


def check_scope(token: Token, scope: str) -> None:
    """Makes sure that a token is for a scope.

    Raises:
        RefusedError: It is not.
    """
    if scope not in token.scopes:
        raise RefusedError(403, f"The token {token.name} is not for {scope!r}. Ask for one with that scope.")


def over_plain_http() -> RefusedError:
    """What is said to somebody whose token was readable on its way."""
    return RefusedError(403, "The token came over plain HTTP and is not accepted. Use HTTPS, and replace the token.")
