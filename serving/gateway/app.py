"""The routes of the gateway."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from serving.gateway.access.door import Door, RefusedError
from serving.gateway.access.page_door import PageDoor
from serving.gateway.login.route import LoginRoute
from serving.gateway.outcomes.route import OutcomesRoute
from serving.gateway.page.route import SCOPES, PageRoute
from serving.gateway.pass_through import PassThrough
from serving.gateway.passage import Behind
from serving.gateway.records.metrics_page import CONTENT_TYPE, metrics_page
from serving.gateway.replies import Reply
from serving.gateway.scoring.route import ScoreRoute
from serving.http.exchange import Exchange

_ABSOLUTE = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)
_UPWARDS = re.compile(r"/(?:\.|%2e)(?:\.|%2e)?(?:[/?#;]|$)|%2f|%5c|%25|\\", re.IGNORECASE)
"""Parts of a path with which a proxy in between might leave /v1/models; no name of a model has any."""
_log = logging.getLogger(__name__)

Handler = Callable[[Exchange, str, Reply], None]


@dataclass(frozen=True)
class Route:
    """What answers some targets.

    Attributes:
        path: Matches a target without scheme, host and query.
        answer: Answers a request with such a target, now or later.
        scope: The scope of the tokens that may ask; None leaves it to `answer` whom it lets in.
        identify: Where there is no scope: raises RefusedError before a large body is read from somebody who may not
            send one.
    """

    path: re.Pattern[str]
    answer: Handler
    scope: str | None
    identify: Callable[[Exchange], object] | None = None

    def __post_init__(self) -> None:
        """A large body has to be somebody's.

        Raises:
            ValueError: Nothing says who may send one.
        """
        if (self.scope is None) == (self.identify is None):
            raise ValueError(
                f"the route {self.path.pattern} needs a scope, or else a function that identifies a client"
            )


class App:
    """Answers HTTP requests. It belongs to the event loop's thread.

    Args:
        behind: The server behind the gateway.
        door: Lets requests in.
        scores: Answers requests for scores.
        outcomes: Answers uploads of outcomes.
        page: Answers people.
        model: The model whose version the health page tells.
    """

    def __init__(
        self, behind: Behind, door: Door, scores: ScoreRoute, outcomes: OutcomesRoute, page: PageRoute, model: str
    ) -> None:
        self._door = door
        self._behind = behind
        self._model = model
        self._page, self._page_door = page, PageDoor(door)
        page.watch(self._page_door.is_open)
        login = LoginRoute(self._page_door, page.end_session)
        self._routes = (
            Route(re.compile(r"/v1/models(?:[/:].*)?", re.IGNORECASE), PassThrough(behind).answer, "predict"),
            Route(re.compile(r"/v1/score"), scores.answer, "score"),
            Route(
                re.compile(r"/log(?:in(?:/style\.css)?|out)"),
                login.answer,
                None,
                _refuse_files,
            ),
            Route(re.compile(r"/v1/outcomes"), outcomes.answer, "outcomes"),
            *(
                Route(
                    re.compile(paths),
                    partial(self._answer_page, scope),
                    None,
                    partial(self._page_door.identify, scope=scope),
                )
                for paths, scope in SCOPES
            ),
            Route(re.compile(r"/healthz"), self._answer_health, None, _refuse_files),
            Route(re.compile(r"/metrics"), self._answer_metrics, None, _refuse_files),
        )

    def handle(self, exchange: Exchange) -> None:
        """Answers a request, now or later."""
        reply = Reply(exchange)
        try:
            self._dispatch(exchange, reply)
        except RefusedError as refused:
            reply.error(refused.status, str(refused), headers=refused.headers)
        except Exception:
            _log.exception("%s failed", reply.request_id)
            reply.error(500, "The gateway failed; its log says how.")

    def wants_body(self, exchange: Exchange) -> bool:
        """Whether a request may send its large body: who would be refused is, before the body has come."""
        try:
            route, _ = self._route(exchange)
            if route is not None:
                self._identify(exchange, route)
        except RefusedError:
            return False
        return route is not None

    def _identify(self, exchange: Exchange, route: Route) -> None:
        if route.scope is not None:
            self._door.identify(exchange, route.scope)
        elif route.identify is not None:
            route.identify(exchange)

    def _dispatch(self, exchange: Exchange, reply: Reply) -> None:
        route, target = self._route(exchange)
        if route is None:
            reply.error(404, "There is no such page. People begin at /, the models are under /v1/models/.")
            return
        token = self._door.admit(exchange, route.scope) if route.scope is not None else None
        if token is not None:
            reply.asked_by = token.name
        if exchange.body_left_out:
            self._identify(exchange, route)
            # Nothing is wrong any more: the token was added just now.
            reply.error(503, "The request was refused before its body had come. Send it again.")
            return
        route.answer(exchange, target, reply)

    def _route(self, exchange: Exchange) -> tuple[Route | None, str]:
        """What answers a request, None if nothing does, and its target without scheme and host.

        Raises:
            RefusedError: It is not the gateway that is asked.
        """
        target = exchange.target
        absolute = _ABSOLUTE.match(target)
        self._door.check_host(exchange, absolute[1] if absolute is not None else None)
        if absolute is not None:
            target = target[absolute.end() :] or "/"
        path = target.partition("?")[0].partition("#")[0]
        found = (route for route in self._routes if route.path.fullmatch(path))
        return (None if _UPWARDS.search(path) else next(found, None)), target

    def _answer_page(self, scope: str | None, exchange: Exchange, target: str, reply: Reply) -> None:
        visitor = self._page_door.admit(exchange, scope, is_static=target.startswith("/static/"))
        self._page.answer(exchange, target, reply, visitor)

    def _answer_health(self, exchange: Exchange, _target: str, reply: Reply) -> None:
        """Says that the gateway is alive, and which version answers behind it."""
        if exchange.method not in ("GET", "HEAD"):
            reply.error(405, "Ask for /healthz with GET.", headers=b"Allow: GET, HEAD\r\n")
            return
        body: dict[str, object] = {"status": "ok", "model": self._model}
        body["version"] = self._behind.versions.of(self._model)
        if self._behind.recorder is not None:
            body["record"] = self._behind.recorder.counts()
        reply.send(200, json.dumps(body).encode())

    def _answer_metrics(self, exchange: Exchange, _target: str, reply: Reply) -> None:
        """Says to Prometheus what became of the record; as the health page, it holds nothing of customers."""
        if exchange.method not in ("GET", "HEAD"):
            reply.error(405, "Ask for /metrics with GET.", headers=b"Allow: GET, HEAD\r\n")
            return
        recorder = self._behind.recorder
        reply.send(200, metrics_page(recorder.counts() if recorder is not None else None), CONTENT_TYPE)


def _refuse_files(_: Exchange) -> None:
    raise RefusedError(413, "This page takes no files.")
