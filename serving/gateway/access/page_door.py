"""Lets people at a page in by their sessions, and opens and ends these."""

from __future__ import annotations

import math
from dataclasses import dataclass

from serving.gateway.access import session_cookie
from serving.gateway.access.door import CHALLENGE, Door, RefusedError, check_scope, over_plain_http
from serving.gateway.access.login_limits import LoginLimits
from serving.gateway.access.same_origin import asks_for_page, is_same_origin
from serving.gateway.access.sessions import Sessions
from serving.gateway.access.tokens import SCOPES, Token, find, sha256
from serving.http.exchange import Exchange

PAGES = {"score": "/", "outcomes": "/outcomes"}
"""The pages for people, by the scope of the tokens that they need."""


@dataclass(frozen=True)
class Visitor:
    """Somebody at a page.

    Attributes:
        owner: To whom belongs what is kept for the visit: the name of the token; "*", which no token is called, for
            everybody on a gateway without tokens.
        session: The identifier of the session, which a logout ends; "" without one.
        scopes: What may be done.
        most_bytes: How large a file the token may send; None when only the gateway has a limit.
    """

    owner: str
    session: str
    scopes: tuple[str, ...]
    most_bytes: int | None = None


EVERYBODY = Visitor("*", "", SCOPES)


class PageDoor:
    """Decides about requests of people. It belongs to the event loop's thread.

    Args:
        door: The door for programs, whose tokens people log in with.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._tokens, self._encryption, self._now = door.tokens, door.encryption, door.now
        self._sessions = Sessions()
        self._login_limits = LoginLimits(self._now())

    def admit(self, exchange: Exchange, scope: str | None, *, is_static: bool = False) -> Visitor:
        """Who asks for a page, or sends something from one; it counts towards the limit of the token.

        Args:
            exchange: The request.
            scope: The scope that it needs; None for one of those of `PAGES`.
            is_static: It is for what a page loads, a dozen files at once, and does not count.

        Raises:
            RefusedError: It was not sent by a page of the gateway; nobody is logged in (303 to the login when a browser
                would show the answer, else 401); the token is of another scope (303 to the page of its own scope), or
                over a limit.
        """
        token = self.identify(exchange, scope)
        if token is None:
            return EVERYBODY
        if not is_static:
            self._door.check_limits(token, exchange)
        return Visitor(token.name, self._session(exchange), token.scopes, token.body_bytes)

    def identify(self, exchange: Exchange, scope: str | None) -> Token | None:
        """The token of a session, whatever its limits; None when none is needed.

        Raises:
            RefusedError: As `admit`, but for limits.
        """
        if exchange.method not in ("GET", "HEAD"):
            self._check_origin(exchange)
        if self._tokens is None:
            return None
        token = self._session_token(exchange)
        would_be_shown = exchange.method in ("GET", "HEAD") and asks_for_page(exchange.headers)
        if token is None:
            if would_be_shown:
                raise RefusedError(303, "Log in first.", b"Location: /login\r\n")
            raise RefusedError(401, "You are not logged in, or no longer. Log in at /login.", CHALLENGE)
        own = [page for each, page in PAGES.items() if each in token.scopes]
        if scope is not None and scope not in token.scopes and would_be_shown and own:
            raise RefusedError(303, "This token is for another page.", b"Location: %b\r\n" % own[0].encode())
        if scope is not None or not own:
            check_scope(token, scope or next(iter(PAGES)))
        return token

    def is_covered(self, exchange: Exchange) -> bool:
        """Whether somebody may type a token into a page that is sent as the answer."""
        return self._encryption.covers(exchange.peer, exchange.headers)

    def is_logged_in(self, exchange: Exchange) -> bool:
        """Whether there is a session, or none is needed."""
        return self._tokens is None or self._session_token(exchange) is not None

    def is_open(self, session: str) -> bool:
        """Whether a session is not over, by its identifier."""
        return self._tokens is not None and self._sessions.of(session, self._tokens.tokens(), self._now()) is not None

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
            raise over_plain_http()
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
            raise RefusedError(401, "The token is not known here. Ask for a new one.", CHALLENGE)
        if not any(scope in token.scopes for scope in PAGES):
            check_scope(token, next(iter(PAGES)))
        cookie = session_cookie.setting(self._sessions.open(token, tokens, now), is_tls=self._is_tls(exchange))
        return token.name, cookie

    def log_out(self, exchange: Exchange) -> tuple[str, bytes]:
        """Ends the session of a request, if it has one.

        Returns:
            The identifier of the session, "" if there was none, and the header line that clears the cookie.

        Raises:
            RefusedError: It was not sent by a page of the gateway.
        """
        self._check_origin(exchange)
        is_tls = self._is_tls(exchange)
        secret = session_cookie.secret_of(exchange.headers, is_tls=is_tls)
        if secret is not None:
            self._sessions.close(secret)
        return self._session(exchange), session_cookie.clearing(is_tls=is_tls)

    def _session(self, exchange: Exchange) -> str:
        secret = session_cookie.secret_of(exchange.headers, is_tls=self._is_tls(exchange))
        return sha256(secret) if secret is not None else ""

    def _session_token(self, exchange: Exchange) -> Token | None:
        secret = session_cookie.secret_of(exchange.headers, is_tls=self._is_tls(exchange))
        if self._tokens is None or secret is None or not self.is_covered(exchange):
            return None
        return self._sessions.token(secret, self._tokens.tokens(), self._now())

    def _is_tls(self, exchange: Exchange) -> bool:
        return self._encryption.is_tls(exchange.peer, exchange.headers)

    def _check_origin(self, exchange: Exchange) -> None:
        if not is_same_origin(exchange.headers, is_tls=self._is_tls(exchange)):
            raise RefusedError(403, "No page of this gateway sent this. Open the page here, and send it again.")
