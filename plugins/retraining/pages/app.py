"""The application of the pages: its routes, each behind Airflow's log-in and the permission of the retraining DAG."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException as StarletteHTTPException

from ml.config.settings import resolve
from ml.errors import RetrainError
from ml.storage.root import Root
from retraining.pages import documents
from retraining.pages.access import DAG_IDS, RETRAINING, UserPermissions, may_read
from retraining.pages.guard import DOCUMENT_POLICY, READING, Guard
from retraining.pages.history.comparison import compared
from retraining.pages.history.rows import Row, rows_of
from retraining.pages.history.snapshot import Snapshot, snapshot
from retraining.pages.models_page import ROWS_OF_A_PAGE, models_page
from retraining.pages.render import page, static, style

log = logging.getLogger(__name__)
LINES_OF_A_PAGE = 100
LARGEST = 10**6
"""The largest number that an address may name; a larger one is no page."""
METHODS = list(READING)
TITLES = {
    401: ("Log in first", "You are not logged in, or your session has ended."),
    403: ("Not for this user", "Seeing the models needs the permission to see the DAG customer_retraining."),
    404: ("No such page", "There is nothing at this address."),
    422: ("No such page", "This address does not name what this page shows."),
}

router = APIRouter(dependencies=[may_read])


def create_app() -> Guard:
    """Return the application, without pages that describe its routes, behind what holds for every answer."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(router)
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _refused)
    app.add_exception_handler(RetrainError, _failed)
    app.add_exception_handler(OSError, _failed)
    app.add_exception_handler(Exception, _failed)
    return Guard(app)


@router.api_route("/models", methods=METHODS)
def models(
    request: Request, may: UserPermissions, outcome: str = "", number: int = 1, dag: str = RETRAINING
) -> Response:
    """Show what serves, what happened, and the buttons that this user may press."""
    if dag not in DAG_IDS:
        text = f"This tab tells of the models of {RETRAINING}; {dag} has nothing to do with them."
        return page(request, "message.html", title="Not a DAG of this model", text=text, tone="")
    if not 1 <= number <= LARGEST:
        raise HTTPException(404)
    root = Root.to_read()
    content = models_page(root, resolve(), snapshot(root.ledger), outcome=outcome, number=number)
    pages = max(1, -(-content.passing // ROWS_OF_A_PAGE))
    return page(
        request, "models.html", content=content, may=may, outcome=outcome, number=number, pages=pages, root=root.path
    )


@router.api_route("/compare", methods=METHODS)
def compare(request: Request, a: int, b: int) -> Response:
    """Show two versions side by side."""
    root = Root.to_read()
    ledger = snapshot(root.ledger)
    of_versions = _versions(ledger)
    missing = [str(number) for number in (a, b) if number not in of_versions]
    if missing:
        text = f"The ledger has no version {' and no version '.join(dict.fromkeys(missing))}."
        return page(request, "message.html", status=404, title="No such version", text=text, tone="warning")
    return page(request, "compare.html", content=compared(root, of_versions[a], of_versions[b]))


@router.api_route("/ledger", methods=METHODS)
def ledger(request: Request, number: int = 1) -> Response:
    """Show the lines of the ledger, the newest first, and whether their chain holds."""
    if not 1 <= number <= LARGEST:
        raise HTTPException(404)
    root = Root.to_read()
    known = snapshot(root.ledger)
    lines = list(enumerate(known.events, start=1))[::-1]
    shown = lines[(number - 1) * LINES_OF_A_PAGE : number * LINES_OF_A_PAGE]
    pages = max(1, -(-len(lines) // LINES_OF_A_PAGE))
    broken = {fault.line for fault in known.chain.faults}
    return page(
        request,
        "ledger.html",
        chain=known.chain,
        lines=shown,
        number=number,
        pages=pages,
        broken=broken,
        total=len(lines),
    )


@router.api_route("/runs/{run_id}/report", methods=METHODS)
def report(request: Request, run_id: str, dag: str = RETRAINING) -> Response:
    """Show the report of a run, or say why there is none."""
    if dag != RETRAINING:
        text = f"Only runs of {RETRAINING} write a report; this is one of {dag}."
        return page(request, "message.html", title="No report", text=text, tone="")
    found = documents.report(Root.to_read(), run_id)
    return found or page(request, "no_report.html", run_id=run_id, status=404)


@router.api_route("/versions/{version}/card", methods=METHODS)
def card(request: Request, version: int) -> Response:
    """Show the model card of a version, or say why there is none."""
    root = Root.to_read()
    found = documents.card(root, version) if version >= 1 else None
    if found:
        return found
    return page(request, "no_card.html", version=version, known=version in snapshot(root.ledger).versions, status=404)


@router.api_route("/static/{name}", methods=METHODS)
def asset(name: str) -> Response:
    """Give a style sheet or a script."""
    found = static(name)
    if found is None:
        raise HTTPException(404)
    return found


def _versions(ledger: Snapshot) -> dict[int, Row]:
    return {row.number: row for row in rows_of(ledger) if row.number is not None}


async def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, StarletteHTTPException) else 422
    title, text = TITLES.get(status, ("This did not work", str(getattr(error, "detail", ""))))
    answer = page(request, "refused.html", status=status, code=status, title=title, text=text, style=style())
    answer.headers["Content-Security-Policy"] = DOCUMENT_POLICY  # the style sheet needs the log-in, too
    return answer


async def _failed(request: Request, error: Exception) -> Response:
    """Say what is wrong with the ledger or the settings, in the words of the error, and of any other that it is one."""
    known: dict[str, Any] = {"title": "This page could not be made", "tone": "bad"}
    if isinstance(error, RetrainError):
        known |= {"text": error.what, "cure": error.cure}
    elif isinstance(error, OSError):
        known |= {"text": str(error), "cure": "The API server must be able to read the root."}
    else:
        log.error("the page %s could not be made", request.url.path, exc_info=error)
        known |= {"text": "Something unexpected happened.", "cure": "The log of the API server has the whole error."}
    return page(request, "failed.html", status=500, **known)
