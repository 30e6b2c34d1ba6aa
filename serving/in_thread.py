"""Runs a server on a thread of this process."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from serving.serve import ServeOptions, serve


@contextmanager
def serving_in_thread(options: ServeOptions, *, deadline: float) -> Iterator[str]:
    """Serves on a free loopback port, and stops fully at exit.

    Args:
        options: what to serve and how.
        deadline: how long starting and stopping may take, each, in seconds.

    Yields:
        The server's base URL.

    Raises:
        TimeoutError: the server did not start, or did not stop, in time.
        StartRefusedError: at exit, when a label names a version that could not be loaded.
    """
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
