"""The model server that is asked: the one that the settings name, or one in this process for the moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ml.config.settings import Settings
from ml.storage.root import Root
from serving.client.model_client import ModelServer


@contextmanager
def endpoint(root: Root, settings: Settings) -> Iterator[ModelServer]:
    """Give the block a client of the settings' model server, or without a URL of a server that ends with the block."""
    model = settings.serving.model
    if settings.serving.url:
        yield ModelServer(settings.serving.url, model)
        return
    from serving.server.embedded import embedded_server

    base = root.models / model
    base.mkdir(parents=True, exist_ok=True)
    with embedded_server(base, model=model, deadline=settings.promote.load_deadline_seconds) as url:
        yield ModelServer(url, model)
