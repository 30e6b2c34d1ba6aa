"""The model server that is asked: the one that is named or running, or one in this process for the moment."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ml.config.settings import Settings
from ml.storage.local_server import local_server_url
from ml.storage.root import Root
from serving.client.model_client import ModelServer

log = logging.getLogger(__name__)


def server_url(root: Root, settings: Settings) -> str:
    """Return the URL of the model server: `serving.url`, else that of `make up` while it runs, else ""."""
    return settings.serving.url or local_server_url(root)


@contextmanager
def endpoint(root: Root, settings: Settings) -> Iterator[ModelServer]:
    """Give the block a client of the model server, or where there is none, of a private one that ends with the block.

    The private one checks what is published; when the block has ended nobody serves it.
    """
    model = settings.serving.model
    if url := server_url(root, settings):
        yield ModelServer(url, model)
        return
    from serving.server.embedded import embedded_server

    log.info("no model server is configured: a private one checks what is published, and ends")
    base = root.models / model
    base.mkdir(parents=True, exist_ok=True)
    with embedded_server(base, model=model, deadline=settings.promote.load_deadline_seconds) as url:
        yield ModelServer(url, model)
