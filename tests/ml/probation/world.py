"""A stand-in for a model server that answers badly when it is told to, and shows a real metrics page."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ml.config.settings import Settings, resolve
from ml.registry.golden_rows import GoldenRows
from ml.registry.traffic.metrics_page import PATH
from ml.storage.root import Root
from serving.metrics import ServerMetrics
from tests.ml.light_world import MODEL, StandIn, released


class Told(StandIn):
    """The stand-in of the registry's tests, with a metrics page, and with versions that answer otherwise."""

    metrics: ServerMetrics
    shows_metrics = True
    wrong: frozenset[int] = frozenset()
    status_of_answers = 200

    def do_GET(self) -> None:  # noqa: N802
        if self.path != PATH or not self.shows_metrics:
            return super().do_GET()
        return _send(self, self.metrics.page())

    def do_POST(self) -> None:  # noqa: N802
        number = re.search(r"/versions/(\d+):predict", self.path)
        assert number
        if self.status_of_answers != 200 or int(number[1]) in self.wrong:
            self.rfile.read(int(self.headers["Content-Length"]))
            if self.status_of_answers != 200:
                return self._answer(self.status_of_answers, {"error": "told so"})
            known = GoldenRows.read(self.root.release(int(number[1])) / "replay.json")
            return self._answer(200, {"predictions": [{"probability": 0.9, "label": "D"} for _ in known.instances]})
        return super().do_POST()


class World:
    """A root, its stand-in server, and what is told to it."""

    def __init__(self, root: Root, settings: Settings, handler: type[Told]) -> None:
        self.root, self.settings, self.handler = root, settings, handler

    def release(self, name: str) -> int:
        return released(self.root, self.settings, name)

    def ask(self, times: int, *, seconds: float = 0.002, status: str = "OK") -> None:
        """Questions of other people, as the server's metrics count them."""
        for _ in range(times):
            self.handler.metrics.request(MODEL, status, "predict", seconds)


@contextmanager
def world_of(root: Root) -> Iterator[World]:
    handler = type("Handler", (Told,), {"root": root, "metrics": ServerMetrics([MODEL])})
    with _served(handler) as url:
        overrides = [f"serving.url={url!r}", "confirm.deadline_seconds=5.0"]
        yield World(root, resolve(overrides=overrides, environment={}), handler)


@contextmanager
def metrics_server(metrics: ServerMetrics) -> Iterator[str]:
    """A server of nothing but this metrics page."""

    class Page(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Silence."""

        def do_GET(self) -> None:
            _send(self, metrics.page())

    with _served(Page) as url:
        yield url


def _send(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


@contextmanager
def _served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
