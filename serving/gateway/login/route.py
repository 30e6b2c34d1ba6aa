"""GET and POST /login, /login/style.css, and POST /logout."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs

from serving.gateway.access.door import RefusedError
from serving.gateway.access.page_door import PageDoor
from serving.gateway.headers import first
from serving.gateway.login.page import STYLE, login_page
from serving.gateway.replies import Reply
from serving.http.exchange import Exchange

HOME = "/"
_LARGEST_FORM = 4096
_FORM = b"application/x-www-form-urlencoded"
_NO_TLS = "This page came over plain HTTP, where others could read your token. Open it with https://."


class LoginRoute:
    """Answers requests to log in and out. It belongs to the event loop's thread.

    Args:
        door: Knows the tokens and the sessions.
        on_end: Called with the identifier of a session that somebody has ended.
    """

    def __init__(self, door: PageDoor, on_end: Callable[[str], None]) -> None:
        self._door, self._on_end = door, on_end

    def answer(self, exchange: Exchange, target: str, reply: Reply) -> None:
        """Answers a request for one of the paths above.

        Args:
            exchange: The request.
            target: Its target without scheme and host.
            reply: Sends the answer.

        Raises:
            RefusedError: A logout was not sent by a page of the gateway.
        """
        path = target.partition("?")[0].partition("#")[0]
        is_read = exchange.method in ("GET", "HEAD")
        if path == "/login/style.css" and is_read:
            reply.page(200, STYLE, b"text/css; charset=utf-8")
        elif path == "/login" and is_read:
            self._show(exchange, reply)
        elif path == "/login" and exchange.method == "POST":
            self._log_in(exchange, reply)
        elif path == "/logout" and exchange.method == "POST":
            reply.redirect("/login", self._log_out(exchange))
        else:
            allowed = {"/login": b"GET, HEAD, POST", "/logout": b"POST"}.get(path, b"GET, HEAD")
            reply.error(405, f"{path} is not asked for in that way.", headers=b"Allow: %b\r\n" % allowed)

    def _show(self, exchange: Exchange, reply: Reply) -> None:
        if self._door.is_logged_in(exchange):
            reply.redirect(HOME)
        elif self._door.is_covered(exchange):
            reply.page(200, login_page())
        else:
            reply.page(403, login_page(_NO_TLS, has_form=False))

    def _log_in(self, exchange: Exchange, reply: Reply) -> None:
        try:
            reply.asked_by, cookie = self._door.log_in(exchange, _token(exchange))
        except RefusedError as refused:
            reply.page(refused.status, login_page(str(refused)), headers=refused.headers)
        else:
            self._log_out(exchange)  # whoever was logged in here before
            reply.redirect(HOME, cookie)

    def _log_out(self, exchange: Exchange) -> bytes:
        ended, clearing = self._door.log_out(exchange)
        if ended:
            self._on_end(ended)
        return clearing


def _token(exchange: Exchange) -> bytes:
    """The token in a form; empty when there is none, which is as wrong as any other."""
    kind = (first(exchange.headers, b"content-type") or b"").partition(b";")[0].strip().lower()
    if kind != _FORM or len(exchange.body) > _LARGEST_FORM:
        return b""
    try:
        values = parse_qs(exchange.body.decode("ascii"), max_num_fields=5).get("token", [])
    except ValueError:
        return b""
    return values[0].strip().encode() if len(values) == 1 else b""
