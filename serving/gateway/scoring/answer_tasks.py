"""Tasks that answer requests: each ends when nobody waits for its answer any more."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from serving.gateway.replies import Reply
from serving.http.exchange import Exchange


class AnswerTasks:
    """The tasks of a route. They belong to the event loop's thread."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[None, None, None], exchange: Exchange, reply: Reply) -> None:
        """Begins to answer a request.

        Args:
            work: Answers it. It sets `reply.on_end` to None before it does, or its own answer would end it.
            exchange: The request; its client ends the task by hanging up.
            reply: Sends the answer.
        """
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

        def end() -> None:
            task.cancel()

        reply.on_end = end
        exchange.ends_with_client = True

    async def close(self) -> None:
        """Ends what is in work."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
