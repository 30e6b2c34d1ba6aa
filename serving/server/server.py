"""Putting a server together from its parts and running it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from serving.http.limits import Limits
from serving.http.server import HttpServer
from serving.metrics import ServerMetrics
from serving.models.load_options import LoadOptions
from serving.models.manager import Manager
from serving.models.version_source import ModelConfig
from serving.rest.app import METRICS_PATH, App


@dataclass(frozen=True)
class ServeOptions:
    """What a server serves and how.

    Attributes:
        models: The models.
        loading: How versions are polled and loaded.
        limits: The limits on requests.
        enable_batching: Whether requests that wait at the same moment share a call of the graph.
        metrics_path: The path of the metrics page; None for no page.
    """

    models: Sequence[ModelConfig]
    loading: LoadOptions = field(default_factory=LoadOptions)
    limits: Limits = field(default_factory=Limits)
    enable_batching: bool = True
    metrics_path: str | None = METRICS_PATH


class StartRefusedError(Exception):
    """The configuration is one with which TensorFlow Serving would not start either; the message says why."""


async def serve(
    sock: socket.socket, options: ServeOptions, stop: asyncio.Event, *, on_open: Callable[[], None] | None = None
) -> bool:
    """Serves until `stop` is set, then finishes the requests in flight.

    Args:
        sock: A bound socket.
        options: What to serve and how.
        stop: The event that ends the server.
        on_open: Called when the port answers, which is before any model is loaded.

    Returns:
        Whether all threads ended; False when a load is still running, which cannot be interrupted.

    Raises:
        StartRefusedError: A label names a version that could not be loaded.
    """
    metrics = ServerMetrics(model.name for model in options.models)
    manager = Manager(options.models, metrics, options.loading)
    app = App(manager, metrics, options.limits, together=options.enable_batching, metrics_path=options.metrics_path)
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
        ended = await asyncio.get_running_loop().run_in_executor(None, lambda: manager.stop(timeout=5.0))
    if manager.start_error:
        raise StartRefusedError(manager.start_error)
    return ended


async def _until(stop: asyncio.Event, manager: Manager) -> None:
    while not stop.is_set() and not manager.start_error:
        try:
            # A refusal is known after the first look at the disk, so it is worth waking up for until then.
            await asyncio.wait_for(stop.wait(), timeout=None if manager.wait_first_poll(0) else 0.2)
        except TimeoutError:
            continue
