"""The page on which outcomes are sent: GET /outcomes, and POST /page/outcomes from its script."""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from serving.gateway.access.page_door import Visitor
from serving.gateway.outcomes.label_words import NoLabelsError
from serving.gateway.outcomes.uploads import OutcomeUploads, RefusedUploadError, Sender
from serving.gateway.page.render import Rendered

_MOST_TOLD = 200


class OutcomesPage:
    """Answers for it. Outcomes are taken as at /v1/outcomes, by the same uploads.

    Args:
        uploads: Takes them.
        rendered: Makes the page.
    """

    def __init__(self, uploads: OutcomeUploads, rendered: Rendered) -> None:
        self._uploads, self._rendered = uploads, rendered

    @property
    def routes(self) -> list[Route]:
        """The routes."""
        return [Route("/outcomes", self.show), Route("/page/outcomes", self.take, methods=["POST"])]

    async def show(self, request: Request) -> Response:
        """The page; it says why where no outcomes are taken, or not from this visitor."""
        try:
            words = self._uploads.words() if self._uploads.are_taken else None
        except NoLabelsError:  # each row of an upload would say so
            words = None
        visitor: Visitor = request.state.visitor
        page = self._rendered.outcomes(visitor, are_taken=self._uploads.are_taken, words=words)
        return Response(page, media_type="text/html")

    async def take(self, request: Request) -> Response:
        """Takes an upload."""
        visitor: Visitor = request.state.visitor
        sender = Sender(visitor.owner if visitor.session else "-", request.state.request_id, _MOST_TOLD)
        try:
            taken = await self._uploads.take(await request.body(), sender)
        except RefusedUploadError as error:
            return JSONResponse({"error": str(error)}, status_code=error.status)
        return JSONResponse(asdict(taken))
