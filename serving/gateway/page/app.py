"""The application of the page: the page itself, and what its script asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from serving.expectation.unlikeness import FALSE_ALARMS
from serving.gateway.access.page_door import Visitor
from serving.gateway.outcomes.uploads import OutcomeUploads
from serving.gateway.page.choice import Choice, ChoiceError
from serving.gateway.page.kept_lists import CannotKeepError, KeptList
from serving.gateway.page.lists import Lists, NoSuchListError, TooManyListsError, WriteError
from serving.gateway.page.open_list import OpenList
from serving.gateway.page.outcomes_page import OutcomesPage
from serving.gateway.page.prospect import prospect
from serving.gateway.page.render import Rendered
from serving.gateway.page.work.tasks import MOST_EXPLAINED
from serving.gateway.scoring.kinds import CSV, WORKBOOK
from serving.score.exploration import EXPLORE

ROWS_OF_A_PAGE = 25
_KINDS = {"csv": CSV, "xlsx": WORKBOOK}
_GONE = "There is no such list. It was removed when its page was left, or after some time without use. Send it again."


def create_app(lists: Lists, uploads: OutcomeUploads, rendered: Rendered) -> Starlette:
    """The application.

    Every request has a `Visitor` in its state, and what changes something came from the page itself.

    Args:
        lists: The lists.
        uploads: Takes outcomes.
        rendered: Makes the pages.
    """
    page = _Page(lists, rendered)
    one = "/page/lists/{id}"
    return Starlette(
        routes=[
            Route("/", page.index),
            Route("/static/{name}", page.static),
            Route("/page/session", page.session),
            *OutcomesPage(uploads, rendered).routes,
            Route("/page/lists", page.kept),
            Route("/page/lists", page.send, methods=["POST"]),
            Route(one, page.state),
            Route(one, page.remove, methods=["DELETE"]),
            Route(f"{one}/leave", page.leave, methods=["POST"]),
            Route(f"{one}/keep", page.keep, methods=["POST"]),
            Route(f"{one}/prospect", page.prospect),
            Route(f"{one}/rows", page.rows),
            Route(f"{one}/download", page.download),
        ],
        exception_handlers={
            HTTPException: _refused,
            NoSuchListError: _says(404, lambda _error: _GONE),
            TooManyListsError: _says(503, str),
            ChoiceError: _refused_choice,
            CannotKeepError: _says(507, str),
        },
    )


class _Page:
    def __init__(self, lists: Lists, rendered: Rendered) -> None:
        self._lists, self._rendered = lists, rendered

    async def index(self, request: Request) -> Response:
        return Response(self._rendered.index(_visitor(request)), media_type="text/html")

    async def session(self, _request: Request) -> Response:
        """Says that whoever asks is logged in; others are refused before."""
        return Response(status_code=204)

    async def static(self, request: Request) -> Response:
        found = self._rendered.static(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        return Response(found[0], media_type=found[1])

    async def kept(self, request: Request) -> Response:
        """The lists that are kept for the visitor."""
        found = await asyncio.to_thread(self._lists.kept.of, _visitor(request).owner)
        return JSONResponse({"kept": [_about(kept) for kept in found]})

    async def send(self, request: Request) -> Response:
        """Takes a file."""
        visitor, name = _visitor(request), request.query_params.get("name", "")
        try:
            found = await self._lists.begin(visitor.owner, visitor.session, name, await request.body())
        except OSError as error:
            return _error(507, f"No temporary file can be written ({error.strerror}). Try again later.")
        return JSONResponse({"id": found.id, "ending": found.ending[1:]}, status_code=201)

    async def state(self, request: Request) -> Response:
        """What a list has come to, and what is known of its file."""
        found = self._find(request)
        facts = await found.facts()
        kept = await asyncio.to_thread(self._lists.kept.find, found.owner, found.id)
        told: dict[str, Any] = {
            "name": found.name,
            "ending": found.ending[1:],
            **asdict(found.step),
            "ranked": found.is_ranked,
            "error": found.failure.text if found.failure else "",
            "may_pass": found.failure is not None and found.failure.status >= 500,
            "kept": kept is not None or found.keeping is not None,
            "facts": None,
        }
        if facts is not None:
            told["facts"] = {
                **asdict(facts),
                "calibrated": facts.calibration is not None,
                "most_explained": MOST_EXPLAINED,
                "usually_unlike": FALSE_ALARMS,
                "explore": EXPLORE,
            }
            for inner in ("layout", "calibration", "decimal_comma"):
                del told["facts"][inner]
        return JSONResponse(told)

    async def remove(self, request: Request) -> Response:
        """Removes a list, and ends what is done for it."""
        await self._lists.remove(_visitor(request).owner, request.path_params["id"])
        return Response(status_code=204)

    async def leave(self, request: Request) -> Response:
        """The page is left: an open list goes, a kept one stays."""
        await self._lists.leave(_visitor(request).owner, request.path_params["id"])
        return Response(status_code=204)

    async def keep(self, request: Request) -> Response:
        """Keeps a list for some days; with `kept=no` removes what is kept of it."""
        owner, list_id = _visitor(request).owner, request.path_params["id"]
        if request.query_params.get("kept") == "no":
            await self._lists.do_not_keep(owner, list_id)
            return JSONResponse({"kept": None})
        return JSONResponse({"kept": _about(await self._lists.keep(owner, list_id))})

    async def prospect(self, request: Request) -> Response:
        """What to expect of a choice."""
        found = await self._ranked(request).found()
        return JSONResponse(await asyncio.to_thread(lambda: prospect(found, Choice.of(request.query_params, found))))

    async def rows(self, request: Request) -> Response:
        """A page of a list; without a choice, of all customers."""
        found = await self._ranked(request).found()
        first = request.query_params.get("first", "1")
        if not (first.isascii() and first.isdigit() and len(first) < 10 and int(first) >= 1):
            return _error(400, "The first rank is a whole number, 1 or more.")

        def rows() -> list[dict[str, Any]]:
            drawn = found.drawn(found.customers, 0.0, 0.0)
            if "by" in request.query_params:
                choice = Choice.of(request.query_params, found)
                drawn = found.drawn(choice.count, choice.explore, choice.control)
            return found.rows(drawn, int(first), ROWS_OF_A_PAGE)

        return JSONResponse({"header": found.facts.header, "rows": await asyncio.to_thread(rows)})

    async def download(self, request: Request) -> Response:
        """A list as a file, by default in the format that came in."""
        opened = self._ranked(request)
        kind = _KINDS.get(request.query_params.get("kind", opened.ending[1:]))
        if kind is None:
            return _error(400, "A list is written as csv or as xlsx.")
        found = await opened.found()
        choice = await asyncio.to_thread(Choice.of, request.query_params, found)
        if not choice.count:
            return _error(400, "The list is empty: no contact pays.")
        economics = asdict(choice.economics) if choice.economics else None
        try:
            written = await self._lists.write(opened, f"list{kind.ending}", choice, economics)
        except WriteError as error:
            return _error(error.result.status, str(error))
        headers = {"X-Model-Version": str(found.facts.version), "Content-Disposition": "attachment"}
        return Response(written, media_type=kind.media_type.decode(), headers=headers)

    def _find(self, request: Request) -> OpenList:
        return self._lists.find(_visitor(request).owner, request.path_params["id"])

    def _ranked(self, request: Request) -> OpenList:
        found = self._find(request)
        if not found.is_ranked:
            raise ChoiceError("The customers are not ranked yet.")
        return found


def _visitor(request: Request) -> Visitor:
    visitor: Visitor = request.state.visitor
    return visitor


def _about(kept: KeptList) -> dict[str, Any]:
    return {name: value for name, value in asdict(kept).items() if name != "owner"}


def _error(status: int, text: str) -> Response:
    return JSONResponse({"error": text}, status_code=status)


def _refused(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return _error(status, "There is no such page." if status == 404 else "This is not asked for in that way.")


def _refused_choice(_request: Request, error: Exception) -> Response:
    field = error.field if isinstance(error, ChoiceError) else ""
    return JSONResponse({"error": str(error), "field": field}, status_code=400)


def _says(status: int, words: Callable[[Exception], str]) -> Callable[[Request, Exception], Response]:
    return lambda _request, error: _error(status, words(error))
