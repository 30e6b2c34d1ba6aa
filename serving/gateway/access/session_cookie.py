"""The cookie in which a browser keeps the secret of its session (RFC 6265bis)."""

from __future__ import annotations

from serving.gateway.access.sessions import SESSION_SECONDS
from serving.gateway.headers import Fields

_PLAIN = b"gateway-session"
_SECURE = b"__Host-gateway-session"
"""With this prefix a browser takes the cookie from this host alone, over TLS, so that no neighbour can plant one."""
_ALWAYS = b"Path=/; HttpOnly; SameSite=Strict"


def secret_of(fields: Fields, *, is_tls: bool) -> bytes | None:
    """The secret that a request carries; None when there is none, or more than one: then one of them was planted."""
    wanted = _SECURE if is_tls else _PLAIN
    found = [
        value.strip()
        for name, line in fields
        if name.lower() == b"cookie"
        for each, _, value in (part.partition(b"=") for part in line.split(b";"))
        if each.strip() == wanted
    ]
    return found[0] if len(found) == 1 else None


def setting(secret: str, *, is_tls: bool) -> bytes:
    """The header line that gives a browser the secret for as long as the session may last."""
    return _line(secret.encode("ascii"), SESSION_SECONDS, is_tls=is_tls)


def clearing(*, is_tls: bool) -> bytes:
    """The header line that has a browser forget the secret."""
    return _line(b"", 0, is_tls=is_tls)


def _line(value: bytes, seconds: int, *, is_tls: bool) -> bytes:
    name, more = (_SECURE, b"; Secure") if is_tls else (_PLAIN, b"")
    return b"Set-Cookie: %b=%b; Max-Age=%d; %b%b\r\n" % (name, value, seconds, _ALWAYS, more)
