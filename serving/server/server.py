"""Puts a server together and runs it: sockets, models, API."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from serving.http.limits import Limits
from serving.http.server import HttpServer
from serving.metrics import ServerMetrics
from serving.models.manager import LoadOptions, Manager
from serving.models.version_source import ModelConfig
from serving.rest.app import METRICS_PATH, App


@dataclass(frozen=True)
class ServeOptions:
    """Everything a server needs to know beside its socket.

    Attributes:
        models: what to serve.
        loading: how versions are watched and loaded.
        limits: what is taken on at most.
        together: whether requests that wait at the same moment share a call of the graph.
        metrics_path: where the metrics page is; None for nowhere.
    """

    models: Sequence[ModelConfig]
    loading: LoadOptions = field(default_factory=LoadOptions)
    limits: Limits = field(default_factory=Limits)
    together: bool = True
    metrics_path: str | None = METRICS_PATH


class StartRefusedError(Exception):
    """The configuration asks for what the original would not start with either."""


async def serve(
    sock: socket.socket, options: ServeOptions, stop: asyncio.Event, *, on_open: Callable[[], None] | None = None
) -> bool:
    """Serves until `stop` is set, then finishes what is in flight.

    Args:
        sock: a bound socket.
        options: what to serve and how.
        stop: ends it.
        on_open: called when the port answers, which is before any model is loaded.

    Returns:
        Whether all threads ended; False when a load is still going on that nobody can interrupt.

    Raises:
        StartRefusedError: a label names a version that could not be loaded.
    """
    metrics = ServerMetrics(model.name for model in options.models)
    manager = Manager(options.models, metrics, options.loading)
    app = App(manager, metrics, options.limits, together=options.together, metrics_path=options.metrics_path)
    server = HttpServer(app.handle, options.limits)
    await server.start(sock)
    manager.start()
    if on_open is not None:
        on_open()
    try:
        await _until(stop, manager)
    finally:
        await server.stop()
        app.close()
        ended = await asyncio.get_running_loop().run_in_executor(None, lambda: manager.stop(patience=5.0))
    if manager.refusal:
        raise StartRefusedError(manager.refusal)
    return ended


async def _until(stop: asyncio.Event, manager: Manager) -> None:
    while not stop.is_set() and not manager.refusal:
        try:
            # A refusal is known after the first look at the disk, so it is worth waking up for until then.
            await asyncio.wait_for(stop.wait(), timeout=None if manager.wait_looked(0) else 0.2)
        except TimeoutError:
            continue
