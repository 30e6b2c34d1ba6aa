"""POST /v1/score: a file of customers in, the same kind of file with scores out."""

from __future__ import annotations

import asyncio
import json

from serving.gateway.headers import first
from serving.gateway.replies import Reply
from serving.gateway.scoring.answer_tasks import AnswerTasks
from serving.gateway.scoring.kinds import CURE, Kind, kind_of
from serving.gateway.scoring.pool import ScorePool
from serving.gateway.scoring.wish import CURE as CURE_OF_WISH
from serving.gateway.scoring.wish import Wish, wish_of
from serving.http.exchange import Exchange


class ScoreRoute:
    """Answers requests for scores. It belongs to the event loop's thread.

    Args:
        pool: Scores the files.
    """

    def __init__(self, pool: ScorePool) -> None:
        self._pool = pool
        self._tasks = AnswerTasks()

    def answer(self, exchange: Exchange, target: str, reply: Reply) -> None:
        """Answers a request, later.

        Args:
            exchange: The request.
            target: Its target without scheme and host.
            reply: Sends the answer.
        """
        if exchange.method != "POST":
            reply.error(405, "Send a file to /v1/score with POST.", headers=b"Allow: POST\r\n")
            return
        kind = kind_of(exchange.headers)
        if kind is None:
            reply.error(415, f"The request does not name a kind of file that is scored. {CURE}")
            return
        if (first(exchange.headers, b"content-encoding") or b"identity").strip().lower() != b"identity":
            reply.error(415, "The file came compressed (Content-Encoding). Send it as it is.")
            return
        try:
            wish = wish_of(target.partition("#")[0].partition("?")[2])
        except ValueError as error:
            reply.error(400, f"{error}. {CURE_OF_WISH}.")
            return
        if self._pool.is_full:
            reply.error(503, "Too many files are in work. Try again.", headers=b"Retry-After: 10\r\n")
            return
        self._tasks.begin(self._score(exchange, kind, wish, reply), exchange, reply)

    async def close(self) -> None:
        """Ends what is in work."""
        await self._tasks.close()
        await self._pool.close()

    async def _score(self, exchange: Exchange, kind: Kind, wish: Wish, reply: Reply) -> None:
        try:
            result, scored = await self._pool.score(exchange.body, kind.ending, wish, reply.request_id)
        except OSError as error:
            reply.on_end = None
            reply.error(507, f"No temporary file can be written ({error.strerror}). Try again later.")
            return
        except asyncio.CancelledError:  # the client is gone, or the gateway stops
            reply.on_end = None
            reply.error(503, "The gateway stops. Try again.")
            raise
        reply.on_end = None  # this task must not be ended by its own answer
        if result.status != 200:
            reply.error(result.status, result.text)
            return
        lines = b"X-Model-Version: %d\r\n" % result.version
        lines += b'Content-Disposition: attachment; filename="scored%b"\r\nCache-Control: no-store\r\n' % (
            kind.ending.encode("ascii")
        )
        if result.money is not None:
            lines += b"X-Expected-Profit: %b\r\n" % json.dumps(result.money).encode("ascii")
        if result.listed is not None:
            lines += b"X-List: %b\r\n" % json.dumps(result.listed).encode("ascii")
        reply.send(200, scored, kind.media_type, lines)
