"""The routes of the page, behind the gateway's door."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from serving.gateway.access.page_door import Visitor
from serving.gateway.outcomes.uploads import OutcomeUploads
from serving.gateway.page.app import create_app
from serving.gateway.page.asgi import AsgiAdapter
from serving.gateway.page.lists import Lists
from serving.gateway.page.render import Rendered
from serving.gateway.replies import Reply
from serving.http.exchange import Exchange

SCOPES = (
    (r"/|/page/lists(?:/.*)?", "score"),
    (r"/page/outcomes", "outcomes"),
    (r"/outcomes|/page/.*|/static/.*", None),
)
"""The paths of the pages, and the scope of the tokens with which somebody may ask; None for any that has a page."""


class PageRoute:
    """Answers the requests of people. It belongs to the event loop's thread.

    Args:
        lists: What they have sent.
        uploads: Takes outcomes.
        rendered: Makes the page.
    """

    def __init__(self, lists: Lists, uploads: OutcomeUploads, rendered: Rendered) -> None:
        self._lists = lists
        self._adapter = AsgiAdapter(create_app(lists, uploads, rendered))
        self._ending: set[asyncio.Task[None]] = set()

    def answer(self, exchange: Exchange, target: str, reply: Reply, visitor: Visitor) -> None:
        """Answers a request, later.

        Args:
            exchange: The request.
            target: Its target without scheme and host.
            reply: Sends the answer.
            visitor: Who asks.
        """
        reply.asked_by = visitor.owner if visitor.session else "-"
        self._adapter.answer(exchange, target, reply, {"visitor": visitor, "request_id": reply.request_id})

    def watch(self, is_open: Callable[[str], bool]) -> None:
        """Has what was opened in a session go after it; `is_open` says whether there is one of an identifier."""
        self._lists.watch(is_open)

    def end_session(self, session: str) -> None:
        """Removes, later, what was opened in a session that somebody has ended; what is kept stays."""
        task = asyncio.get_running_loop().create_task(self._lists.end_session(session))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def run(self) -> None:
        """Removes what nobody uses, until it is cancelled."""
        await self._lists.run()

    async def close(self) -> None:
        """Ends what is in work."""
        await self._adapter.close()
        await self._lists.close()
