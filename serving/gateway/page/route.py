"""The routes of the page, behind the gateway's door."""

from __future__ import annotations

from serving.gateway.access.door import Visitor
from serving.gateway.page.app import create_app
from serving.gateway.page.asgi import AsgiAdapter
from serving.gateway.page.lists import Lists
from serving.gateway.page.render import Rendered
from serving.gateway.replies import Reply
from serving.http.exchange import Exchange

PATHS = r"/|/page/.*|/static/.*"


class PageRoute:
    """Answers the requests of people. It belongs to the event loop's thread.

    Args:
        lists: What they have sent.
        rendered: Makes the page.
    """

    def __init__(self, lists: Lists, rendered: Rendered) -> None:
        self._lists = lists
        self._adapter = AsgiAdapter(create_app(lists, rendered))

    def answer(self, exchange: Exchange, target: str, reply: Reply, visitor: Visitor) -> None:
        """Answers a request, later.

        Args:
            exchange: The request.
            target: Its target without scheme and host.
            reply: Sends the answer.
            visitor: Who asks.
        """
        reply.asked_by = visitor.owner if visitor.has_session else "-"
        self._adapter.answer(exchange, target, reply, {"visitor": visitor})

    async def run(self) -> None:
        """Removes what nobody uses, until it is cancelled."""
        await self._lists.run()

    async def close(self) -> None:
        """Ends what is in work."""
        await self._adapter.close()
        await self._lists.close()
