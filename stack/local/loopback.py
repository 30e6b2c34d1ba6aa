"""HTTP to this machine: no proxy, always a deadline."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Answer:
    """Status and body, whatever they are."""

    status: int
    text: str

    def json(self) -> Any:
        """The body's JSON value, or None when it is none."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None


def ask(url: str, *, body: Any = None, method: str | None = None, token: str = "", seconds: float = 10) -> Answer:
    """Send `body` as JSON and return the answer, an error status too.

    Raises:
        OSError: Nobody answered within `seconds`.
    """
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers, method=method)  # noqa: S310 - we make the URLs
    try:
        with _DIRECT.open(request, timeout=seconds) as answer:
            return Answer(answer.status, answer.read().decode("utf-8", "replace"))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read().decode("utf-8", "replace"))
