"""Where the pages are mounted, and where Airflow's UI shows them.

Listeners make every task process import the plugin; so the application, and FastAPI with it, is imported at the first
request, which only an API server gets.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from typing import Any

PREFIX = "/retraining"
Message = MutableMapping[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]


class ModelsPages:
    """The ASGI application of the pages, made when it is asked for the first time."""

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Hand the request on."""
        await _application()(scope, receive, send)


@cache
def _application() -> Application:
    from retraining.pages.app import create_app

    return create_app()


FASTAPI_APPS = [{"name": "Models of customer_retraining", "app": ModelsPages(), "url_prefix": PREFIX}]

# The addresses are relative to Airflow's own, which may lie below a path.
_MODELS = f"{PREFIX[1:]}/models"
_REPORT = f"{PREFIX[1:]}/runs/{{RUN_ID}}/report?dag={{DAG_ID}}"
EXTERNAL_VIEWS = [
    {"name": "Models", "destination": "nav", "url_route": "models", "href": _MODELS},
    {"name": "Models", "destination": "dag", "url_route": "dag-models", "href": f"{_MODELS}?dag={{DAG_ID}}"},
    {"name": "Report", "destination": "dag_run", "url_route": "run-report", "href": _REPORT},
    {"name": "Report", "destination": "task_instance", "url_route": "task-report", "href": _REPORT},
]
