"""A thin adapter: an ASGI application answers the requests of our own HTTP server, whose limits hold before it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message

from serving.gateway.replies import Reply
from serving.gateway.scoring.answer_tasks import AnswerTasks
from serving.http.exchange import DEFAULT, Exchange

_WRITTEN_BY_SERVER = (b"content-length", b"content-type", b"cache-control")
_log = logging.getLogger(__name__)


class AsgiAdapter:
    """Hands requests to an application; bodies are in memory as a whole, both ways. It belongs to the loop's thread.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._tasks = AnswerTasks()

    def answer(self, exchange: Exchange, target: str, reply: Reply, state: MutableMapping[str, Any]) -> None:
        """Answers a request, later.

        Args:
            exchange: The request.
            target: Its target without scheme and host.
            reply: Sends the answer.
            state: What the application finds in `request.state`.
        """
        self._tasks.begin(self._run(exchange, target, reply, state), exchange, reply)

    async def close(self) -> None:
        """Ends what is in work."""
        await self._tasks.close()

    async def _run(self, exchange: Exchange, target: str, reply: Reply, state: MutableMapping[str, Any]) -> None:
        body = exchange.body
        sent: list[Message] = []
        parts: list[bytes] = []

        async def receive() -> Message:
            nonlocal body
            whole, body = body, b""
            return {"type": "http.request", "body": whole, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent.append(message)
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))

        try:
            await self._app(_scope(exchange, target, state), receive, send)
        except asyncio.CancelledError:  # the client is gone, or the gateway stops
            reply.on_end = None
            reply.error(503, "The gateway stops. Try again.")
            raise
        except Exception:
            _log.exception("%s failed", reply.request_id)
            sent.clear()
        reply.on_end = None  # this task must not be ended by its own answer
        if not sent:
            reply.error(500, "The gateway failed; its log says how.")
            return
        fields = [(bytes(name).lower(), bytes(value)) for name, value in sent[0].get("headers", ())]
        lines = b"".join(b"%b: %b\r\n" % field for field in fields if field[0] not in _WRITTEN_BY_SERVER)
        kind = next((value for name, value in fields if name == b"content-type"), DEFAULT)
        reply.page(sent[0]["status"], b"".join(parts), kind, lines)


def _scope(exchange: Exchange, target: str, state: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    path, _, query = target.partition("#")[0].partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.0" if exchange.is_http_1_0 else "1.1",
        "method": exchange.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode("latin-1", "replace"),
        "query_string": query.encode("latin-1", "replace"),
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in exchange.headers],
        "client": (exchange.peer, 0),
        "server": None,
        "state": state,
    }
