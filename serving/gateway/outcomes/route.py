"""POST /v1/outcomes: answered 200 when the rows are on the disk for good, and not before."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict

from serving.gateway.headers import first
from serving.gateway.outcomes.uploads import UNKNOWN, OutcomeUploads, RefusedUploadError, Sender
from serving.gateway.replies import Reply
from serving.gateway.scoring.kinds import CSV, JSON_LINES, WORKBOOK, kind_of
from serving.http.exchange import Exchange


class OutcomesRoute:
    """Answers uploads of outcomes. It belongs to the event loop's thread.

    Args:
        uploads: Takes them.
    """

    def __init__(self, uploads: OutcomeUploads) -> None:
        self._uploads = uploads
        self._tasks: set[asyncio.Task[None]] = set()

    def answer(self, exchange: Exchange, _target: str, reply: Reply) -> None:
        """Answers an upload, later."""
        if exchange.method != "POST":
            reply.error(405, "Send outcomes to /v1/outcomes with POST.", headers=b"Allow: POST\r\n")
            return
        try:
            self._uploads.check_size(len(exchange.body))
        except RefusedUploadError as error:
            reply.error(error.status, str(error))
            return
        kind = kind_of(exchange.headers)
        if kind not in (CSV, WORKBOOK, JSON_LINES):
            types = f"text/csv, {WORKBOOK.media_type.decode()} or application/x-ndjson"
            reply.error(415, f"Outcomes come as Content-Type: {types}.")
            return
        if (first(exchange.headers, b"content-encoding") or b"identity").strip().lower() != b"identity":
            reply.error(415, "The outcomes came compressed (Content-Encoding). Send them as they are.")
            return
        exchange.on_expire = lambda: reply.error(504, UNKNOWN)
        task = asyncio.get_running_loop().create_task(self._take(exchange.body, reply, is_json=kind == JSON_LINES))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self, body: bytes, reply: Reply, *, is_json: bool) -> None:
        try:
            taken = await self._uploads.take(body, Sender(reply.asked_by, reply.request_id), is_json=is_json)
        except RefusedUploadError as error:
            wait = b"Retry-After: 5\r\n" if error.status == 503 else b""
            reply.error(error.status, str(error), headers=wait)
        else:
            reply.send(200, json.dumps(asdict(taken)).encode())
