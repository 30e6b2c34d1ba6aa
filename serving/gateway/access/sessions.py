"""Sessions: who has logged in. They are kept in memory, so that a restart ends them all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from serving.gateway.access.tokens import Token, new_secret, sha256

SESSION_SECONDS = 12 * 3600
MOST_OF_A_TOKEN = 32
"""How many sessions a token may have; one more ends the oldest of that token, and nobody else's."""


@dataclass(frozen=True)
class _Session:
    token_sha256: str
    ends_at: float


class Sessions:
    """The sessions. Of each the SHA-256 of its secret is kept, which has 256 random bits like a token."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}  # the oldest first

    def open(self, token: Token, tokens: Iterable[Token], now: float) -> str:
        """Opens a session.

        Args:
            token: The token that somebody has logged in with.
            tokens: All tokens that there are.
            now: The time in seconds, on the clock of all later calls.

        Returns:
            Its secret, which only the browser keeps.
        """
        # Each token has a bounded number, and those of removed tokens go: so all of them are bounded.
        known = {each.sha256 for each in tokens}
        self._sessions = {
            key: session
            for key, session in self._sessions.items()
            if session.ends_at > now and session.token_sha256 in known
        }
        own = [key for key, session in self._sessions.items() if session.token_sha256 == token.sha256]
        for key in own[: max(0, len(own) + 1 - MOST_OF_A_TOKEN)]:
            del self._sessions[key]
        secret = new_secret()
        self._sessions[sha256(secret.encode())] = _Session(token.sha256, now + SESSION_SECONDS)
        return secret

    def token(self, secret: bytes, tokens: Iterable[Token], now: float) -> Token | None:
        """The token that a session was opened with; None when the session is over or its token was removed."""
        return self.of(sha256(secret), tokens, now)

    def of(self, key: str, tokens: Iterable[Token], now: float) -> Token | None:
        """The same by the SHA-256 of the secret."""
        session = self._sessions.get(key)
        if session is None:
            return None
        found = next((token for token in tokens if token.sha256 == session.token_sha256), None)
        if found is None or session.ends_at <= now:
            del self._sessions[key]
            return None
        return found

    def close(self, secret: bytes) -> None:
        """Ends a session, if there is one with this secret."""
        self._sessions.pop(sha256(secret), None)

    def __len__(self) -> int:
        return len(self._sessions)
