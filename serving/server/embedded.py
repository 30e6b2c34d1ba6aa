"""A real model server on a thread of this process, for a process that has already imported TensorFlow."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serving.server.server import ServeOptions

_POLL_SECONDS = 0.2


@contextmanager
def embedded_server(base_path: Path, *, model: str = "customer-model", deadline: float = 120.0) -> Iterator[str]:
    """Serves a base path over real HTTP on a free loopback port, and stops fully at exit.

    Args:
        base_path: The directory with the version directories; it may be empty, and may change meanwhile.
        model: The name of the model in URLs.
        deadline: How long starting may take, and stopping again, in seconds.

    Yields:
        The server's base URL. Versions may not be available yet: ask with a client.

    Raises:
        TimeoutError: The server did not start, or did not stop, in time.
    """
    import serving.models.saved_model  # noqa: F401 - TensorFlow, on this thread rather than in the middle of the deadline
    from serving.models.load_options import LoadOptions
    from serving.models.version_source import ModelConfig
    from serving.server.server import ServeOptions

    options = ServeOptions(models=[ModelConfig(model, base_path)], loading=LoadOptions(poll_seconds=_POLL_SECONDS))
    with serving_in_thread(options, deadline=deadline) as url:
        yield url


@contextmanager
def serving_in_thread(options: ServeOptions, *, deadline: float) -> Iterator[str]:
    """Serves with these options on a free loopback port, and stops fully at exit.

    Args:
        options: What to serve and how.
        deadline: How long starting may take, and stopping again, in seconds.

    Yields:
        The server's base URL.

    Raises:
        TimeoutError: The server did not start, or did not stop, in time.
        StartRefusedError: At exit, when a label names a version that could not be loaded.
    """
    # Imported here, so that importing this module stays cheap.
    from serving.server.server import serve

    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    names = ", ".join(model.name for model in options.models)
    opened = threading.Event()
    failure: list[BaseException] = []
    control: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve_until_told() -> None:
        stop = asyncio.Event()
        control.append((asyncio.get_running_loop(), stop))
        await serve(sock, options, stop, on_open=opened.set)

    def run() -> None:
        try:
            asyncio.run(serve_until_told())
        except BaseException as error:  # handed to the thread that waits
            failure.append(error)
        finally:
            opened.set()
            sock.close()

    thread = threading.Thread(target=run, name="model-server", daemon=True)
    thread.start()
    try:
        if not opened.wait(deadline):
            raise TimeoutError(f"the model server for {names} did not start within {deadline:g} s")
        if not failure:
            yield f"http://127.0.0.1:{port}"
    finally:
        for loop, stop in control:
            with suppress(RuntimeError):  # it ended by itself
                loop.call_soon_threadsafe(stop.set)
        thread.join(deadline)
        if thread.is_alive():
            raise TimeoutError(f"the model server for {names} did not stop within {deadline:g} s")
    if failure:
        raise failure[0]
