"""Lets a request in, or says why not."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from serving.gateway.access import session_cookie
from serving.gateway.access.encryption import Encryption
from serving.gateway.access.host_names import LOOPBACK_NAMES, strange_name
from serving.gateway.access.login_limits import LoginLimits
from serving.gateway.access.same_origin import asks_for_page, is_same_origin
from serving.gateway.access.sessions import Sessions
from serving.gateway.access.token_bucket import TokenBucket
from serving.gateway.access.token_file import TokenFile
from serving.gateway.access.tokens import Token, find
from serving.gateway.headers import first
from serving.http.exchange import Exchange

_CHALLENGE = b'WWW-Authenticate: Bearer realm="gateway"\r\n'
_BEARER = b"bearer "
_PAGE_SCOPE = "score"


@dataclass(frozen=True)
class Visitor:
    """Somebody at the page.

    Attributes:
        owner: To whom belongs what is kept for the visit: the name of the token; "*", which no token is called, for
            everybody on a gateway without tokens.
        has_session: Whether there is a session, which a logout ends.
    """

    owner: str
    has_session: bool


EVERYBODY = Visitor("*", has_session=False)


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
    """

    def __init__(
        self,
        tokens: TokenFile | None,
        host_names: Collection[str] = (),
        encryption: Encryption | None = None,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens = tokens
        self._names = frozenset((*LOOPBACK_NAMES, *(name.lower() for name in host_names)))
        self._encryption = encryption or Encryption()
        self._now = now
        self._buckets: dict[str, TokenBucket] = {}
        self._sessions = Sessions()
        self._login_limits = LoginLimits(now())

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
        self._check_limits(token, exchange)
        return token

    def identify(self, exchange: Exchange, scope: str) -> Token | None:
        """The token of a request by its header, whatever its limits; None when none is needed.

        Raises:
            RefusedError: There is no token, it is wrong, of another scope, or was readable on its way.
        """
        if self._tokens is None:
            return None
        given = first(exchange.headers, b"authorization")
        if given is None or given[: len(_BEARER)].lower() != _BEARER:
            raise RefusedError(401, "This needs a token. Send it as Authorization: Bearer TOKEN.", _CHALLENGE)
        if not self._encryption.covers(exchange.peer, exchange.headers):
            raise _over_plain_http()
        token = find(self._tokens.tokens(), given[len(_BEARER) :].strip())
        if token is None:
            raise RefusedError(401, "The token is not known here. Ask for a new one.", _CHALLENGE)
        self._check_scope(token, scope)
        return token

    def admit_page(self, exchange: Exchange) -> Visitor:
        """Who asks for a page, or sends something from one; it counts towards the limit of the token.

        Raises:
            RefusedError: It was not sent by a page of the gateway; nobody is logged in (303 to the login when a browser
                would show the answer, else 401); the token is of another scope, or over a limit.
        """
        token = self.identify_page(exchange)
        if token is None:
            return EVERYBODY
        self._check_limits(token, exchange)
        return Visitor(token.name, has_session=True)

    def identify_page(self, exchange: Exchange) -> Token | None:
        """The token of a session, whatever its limits; None when none is needed.

        Raises:
            RefusedError: As `admit_page`, but for limits.
        """
        if exchange.method not in ("GET", "HEAD"):
            self._check_origin(exchange)
        if self._tokens is None:
            return None
        token = self._session_token(exchange, self._tokens)
        if token is None:
            if exchange.method in ("GET", "HEAD") and asks_for_page(exchange.headers):
                raise RefusedError(303, "Log in first.", b"Location: /login\r\n")
            raise RefusedError(401, "You are not logged in, or no longer. Log in at /login.", _CHALLENGE)
        self._check_scope(token, _PAGE_SCOPE)
        return token

    def is_covered(self, exchange: Exchange) -> bool:
        """Whether somebody may type a token into a page that is sent as the answer."""
        return self._encryption.covers(exchange.peer, exchange.headers)

    def is_logged_in(self, exchange: Exchange) -> bool:
        """Whether there is a session, or none is needed."""
        return self._tokens is None or self._session_token(exchange, self._tokens) is not None

    def log_in(self, exchange: Exchange, secret: bytes) -> tuple[str, bytes]:
        """Opens a session.

        Args:
            exchange: The request.
            secret: The token in its form.

        Returns:
            The name of the token, and the header line that sets the cookie.

        Raises:
            RefusedError: It was not sent by the login page, or readable on its way; too many try; or the token is wrong
                or of another scope.
        """
        self._check_origin(exchange)
        if self._tokens is None:
            raise RefusedError(404, "This gateway has no tokens: nobody needs to log in.")
        if not self.is_covered(exchange):
            raise _over_plain_http()
        now = self._now()
        seconds = self._login_limits.wait_seconds(self._encryption.client(exchange.peer, exchange.headers), now)
        if seconds > 0:
            wait = math.ceil(seconds)
            raise RefusedError(
                429, f"Too many attempts to log in. Try again in {wait} s.", b"Retry-After: %d\r\n" % wait
            )
        tokens = self._tokens.tokens()
        token = find(tokens, secret)
        if token is None:
            raise RefusedError(401, "The token is not known here. Ask for a new one.", _CHALLENGE)
        self._check_scope(token, _PAGE_SCOPE)
        cookie = session_cookie.setting(self._sessions.open(token, tokens, now), is_tls=self._is_tls(exchange))
        return token.name, cookie

    def log_out(self, exchange: Exchange) -> bytes:
        """Ends the session of a request, if it has one; returns the header line that clears the cookie.

        Raises:
            RefusedError: It was not sent by a page of the gateway.
        """
        self._check_origin(exchange)
        is_tls = self._is_tls(exchange)
        secret = session_cookie.secret_of(exchange.headers, is_tls=is_tls)
        if secret is not None:
            self._sessions.close(secret)
        return session_cookie.clearing(is_tls=is_tls)

    def _session_token(self, exchange: Exchange, tokens: TokenFile) -> Token | None:
        secret = session_cookie.secret_of(exchange.headers, is_tls=self._is_tls(exchange))
        if secret is None or not self.is_covered(exchange):
            return None
        return self._sessions.token(secret, tokens.tokens(), self._now())

    def _is_tls(self, exchange: Exchange) -> bool:
        return self._encryption.is_tls(exchange.peer, exchange.headers)

    def _check_origin(self, exchange: Exchange) -> None:
        if not is_same_origin(exchange.headers, is_tls=self._is_tls(exchange)):
            raise RefusedError(403, "No page of this gateway sent this. Open the page here, and send it again.")

    def _check_scope(self, token: Token, scope: str) -> None:
        if scope not in token.scopes:
            raise RefusedError(403, f"The token {token.name} is not for {scope!r}. Ask for one with that scope.")

    def _check_limits(self, token: Token, exchange: Exchange) -> None:
        seconds = self._bucket(token).wait_seconds(self._now())
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
            bucket = self._buckets[token.sha256] = TokenBucket(token.requests_per_second, token.burst, self._now())
        return bucket


def _over_plain_http() -> RefusedError:
    return RefusedError(403, "The token came over plain HTTP and is not accepted. Use HTTPS, and replace the token.")
