"""Somebody at the page, as its script asks for her."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from serving.gateway.access import token_file
from serving.gateway.access.tokens import Token, new_secret, sha256
from tests.serving.gateway.gateway_process import GatewayProcess
from tests.serving.live import ask, eventually

FROM_PAGE = {"Sec-Fetch-Site": "same-origin"}


class Visitor:
    """One browser; `cookie` is that of its session."""

    def __init__(self, url: str, cookie: str = "") -> None:
        self.url, self.cookie = url, cookie
        self.sent: list[str] = []
        self._headers = FROM_PAGE | ({"Cookie": cookie} if cookie else {})

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        if method == "POST" and body is None:
            body = b""
        status, said, _ = ask(self.url, method, path, body, self._headers)
        return status, said

    def json(self, method: str, path: str, body: bytes | None = None) -> Any:
        status, said = self.ask(method, path, body)
        assert status < 300, said
        return json.loads(said)

    def send(self, body: bytes, name: str = "my customers.csv") -> str:
        """The identifier of the list that a file becomes."""
        self.sent.append(str(self.json("POST", f"/page/lists?{urlencode({'name': name})}", body)["id"]))
        return self.sent[-1]

    def leave(self) -> None:
        """Leaves all pages."""
        while self.sent:
            assert self.ask("POST", f"/page/lists/{self.sent.pop()}/leave")[0] == 204

    def state(self, list_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.json("GET", f"/page/lists/{list_id}")
        return found

    def over(self, list_id: str) -> dict[str, Any]:
        """The state of a list when nothing is done for it any more."""
        found: dict[str, Any] = eventually(
            lambda: (state := self.state(list_id))["state"] in ("done", "failed") and state
        )
        return found

    def list_of(self, body: bytes, name: str = "my customers.csv") -> str:
        """As `send`, when everything is found."""
        list_id = self.send(body, name)
        state = self.over(list_id)
        assert state["state"] == "done", state
        return list_id

    def prospect(self, list_id: str, **choice: object) -> dict[str, Any]:
        found: dict[str, Any] = self.json("GET", f"/page/lists/{list_id}/prospect?{urlencode(choice)}")
        return found

    def download(self, list_id: str, **choice: object) -> bytes:
        status, body = self.ask("GET", f"/page/lists/{list_id}/download?{urlencode(choice)}")
        assert status == 200, body
        return body

    def refused(self, path: str) -> tuple[int, str]:
        status, body = self.ask("GET", path)
        return status, str(json.loads(body)["error"])


def token(tmp_path: Path, name: str, *scopes: str) -> str:
    """Adds a token to access/tokens.json; without scopes it is for lists."""
    secret = new_secret()
    (tmp_path / "access").mkdir(exist_ok=True, mode=0o700)
    with token_file.changed(tmp_path / "access" / "tokens.json") as tokens:
        tokens[name] = Token(name, scopes or ("score",), sha256(secret.encode()), 1000.0, 2000, 8_000_000)
    return secret


def logged_in(door: GatewayProcess, secret: str, cookie: str = "") -> Visitor:
    """Somebody who has logged in with a token, in a browser that has a cookie already, or none."""
    form = {"Content-Type": "application/x-www-form-urlencoded"} | FROM_PAGE | ({"Cookie": cookie} if cookie else {})
    status, _, headers = ask(door.url, "POST", "/login", f"token={secret}".encode(), form)
    assert status == 303
    return Visitor(door.url, headers["set-cookie"].partition(";")[0])
