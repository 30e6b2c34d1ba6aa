"""A real model server inside this process, for a process that has TensorFlow loaded already."""

from __future__ import annotations

import asyncio
import socket
import threading
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
    from serving.manager import LoadOptions
    from serving.serve import ServeOptions, serve
    from serving.source import ModelConfig

    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    options = ServeOptions(
        models=[ModelConfig(model, base_path)], loading=LoadOptions(poll_seconds=_POLL_SECONDS)
    )
    opened = threading.Event()
    failure: list[BaseException] = []
    control: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.Event]] = {}

    async def serve_until_told() -> None:
        stop = asyncio.Event()
        control["stop"] = (asyncio.get_running_loop(), stop)
        await serve(sock, options, stop, on_open=opened.set)

    def run() -> None:
        try:
            asyncio.run(serve_until_told())
        except BaseException as error:  # handed to the thread that waits
            failure.append(error)
        finally:
            opened.set()
            sock.close()

    thread = threading.Thread(target=run, name="private-model-server", daemon=True)
    thread.start()
    try:
        if not opened.wait(deadline):
            raise TimeoutError(f"the private model server for {base_path} did not start within {deadline:g} s")
        if failure:
            raise failure[0]
        yield f"http://127.0.0.1:{port}"
    finally:
        if "stop" in control and thread.is_alive():
            loop, stop = control["stop"]
            loop.call_soon_threadsafe(stop.set)
        thread.join(deadline)
        if thread.is_alive():
            raise TimeoutError(f"the private model server for {base_path} did not stop within {deadline:g} s")
