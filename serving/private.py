"""A real model server inside this process, for a process that has TensorFlow loaded already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_POLL_SECONDS = 0.2


@contextmanager
def running(base_path: Path, *, model: str = "customer-model", deadline: float = 120.0) -> Iterator[str]:
    """Serves a base path over real HTTP on a free loopback port, and stops fully at exit.

    Args:
        base_path: the directory with numeric version directories; it may be empty, and may change meanwhile.
        model: the name to serve it under.
        deadline: how long starting and stopping may take, each, in seconds.

    Yields:
        The server's base URL. Whether a version is available is for the client to ask.

    Raises:
        TimeoutError: the server did not start, or did not stop, in time.
    """
    # Light until here: processes that import this module need not want a server.
    import serving.servable  # noqa: F401 - TensorFlow, on this thread rather than in the middle of the deadline
    from serving.in_thread import serving_in_thread
    from serving.manager import LoadOptions
    from serving.serve import ServeOptions
    from serving.source import ModelConfig

    options = ServeOptions(models=[ModelConfig(model, base_path)], loading=LoadOptions(poll_seconds=_POLL_SECONDS))
    with serving_in_thread(options, deadline=deadline) as url:
        yield url
