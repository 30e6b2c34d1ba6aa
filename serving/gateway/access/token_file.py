"""The file of tokens: JSON that its owner alone may read, replaced as a whole."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from serving.gateway.access.tokens import SCOPES, Token

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HASH = re.compile(r"[0-9a-f]{64}")
_LOOK_SECONDS = 1.0
_log = logging.getLogger(__name__)


class TokenFileError(Exception):
    """The file cannot be used; the message names it, the fact and the cure."""


def read(path: Path) -> tuple[Token, ...]:
    """The tokens of a file.

    Raises:
        TokenFileError: It is missing, or not a file of tokens.
    """
    try:
        entries = json.loads(path.read_bytes())["tokens"]
        tokens = tuple(_token(entry) for entry in entries)
    except FileNotFoundError as error:
        raise TokenFileError(
            f"{path} does not exist. Make it with: python -m serving.gateway token add NAME"
        ) from error
    except OSError as error:
        raise TokenFileError(f"{path} cannot be read: {error.strerror}. Correct its permissions.") from error
    except (ValueError, TypeError, KeyError) as error:
        raise TokenFileError(
            f"{path} is not a file of tokens ({error}). Restore it, or make a new one: token add NAME."
        ) from error
    if len({token.name for token in tokens}) < len(tokens):
        raise TokenFileError(f"{path} names a token twice. Remove one of them.")
    return tokens


def _token(entry: dict[str, Any]) -> Token:
    token = Token(**{**entry, "scopes": tuple(entry["scopes"])})
    if not NAME.fullmatch(token.name) or not _HASH.fullmatch(token.sha256) or not set(token.scopes) <= set(SCOPES):
        raise ValueError(f"the entry of {str(token.name)[:64]!r} is malformed")
    if not (token.requests_per_second > 0 and token.burst >= 1 and token.body_bytes >= 1):
        raise ValueError(f"the limits of {token.name!r} are not more than 0")
    return token


@contextmanager
def changed(path: Path) -> Iterator[dict[str, Token]]:
    """The tokens by name, to be changed; the file is replaced when the block ends well.

    Raises:
        TokenFileError: There is a file, and it is not one of tokens.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        tokens = {token.name: token for token in read(path)} if path.exists() else {}
        yield tokens
        text = json.dumps({"tokens": [asdict(token) for token in tokens.values()]}, indent=2)
        beside = path.with_name(f".{path.name}.new")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(text + "\n")
            out.flush()
            os.fsync(out.fileno())
        beside.replace(path)


class TokenFile:
    """The tokens as they are in the file now; it is looked at once a second at most.

    While the file is missing or malformed nobody is let in, and the log says why.

    Args:
        path: The file.
        now: A clock in seconds.

    Raises:
        TokenFileError: It cannot be used.
    """

    def __init__(self, path: Path, *, now: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._now = now
        self._looked_at = now()
        self._state = self._stat()
        self._tokens = read(path)

    def tokens(self) -> tuple[Token, ...]:
        """The tokens."""
        if self._now() - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = self._now()
            state = self._stat()
            if state != self._state:
                self._state = state
                try:
                    self._tokens = read(self._path)
                except TokenFileError as error:
                    self._tokens = ()
                    _log.error("nobody is let in: %s", error)
        return self._tokens

    def _stat(self) -> tuple[int, ...]:
        try:
            stat = self._path.stat()
        except OSError:
            return ()
        return stat.st_ino, stat.st_mtime_ns, stat.st_size
