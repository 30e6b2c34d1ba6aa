"""The command `python -m serving.model_server`: TensorFlow Serving's REST API for machines without Docker."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence

import uvloop

from serving.http.memory import map_large_blocks
from serving.server.flags import Flags, parse
from serving.server.server import StartRefusedError, serve

# TensorFlow Serving computes without oneDNN, whose fused operations lose NaN (relu(NaN) becomes 0). TensorFlow reads
# this when it is imported, which is later, on the manager's thread.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
_GARBAGE_COLLECTED_EVERY = 10_000
_log = logging.getLogger("serving")


def main(arguments: Sequence[str]) -> int:
    """Serves until SIGTERM or SIGINT.

    Returns:
        0 after SIGTERM or SIGINT; 1 when the server could not start; 2 for a wrong command line.
    """
    flags = parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    for name in flags.ignored:
        _log.warning("--%s has no effect here", name)
    map_large_blocks()
    # A thread that reads a long request in Python keeps the event loop waiting for this long at each switch.
    sys.setswitchinterval(0.0005)
    # Requests that wait are no garbage: at the usual 700 objects the collector would look at them again and again.
    gc.set_threshold(_GARBAGE_COLLECTED_EVERY)
    # Before TensorFlow is imported: a port that is taken is known at once, and ours answers at once.
    try:
        sock = _bound(flags.host, flags.port)
    except OSError as error:
        sys.stderr.write(
            f"serving.model_server: cannot listen on {flags.host}:{flags.port}: {error.strerror or error}. "
            "Stop what is using it, or choose another --rest_api_port.\n"
        )
        return 1
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            ended = runner.run(_serve(sock, flags))
    except StartRefusedError as error:
        sys.stderr.write(f"serving.model_server: {error}\n")
        sys.stderr.flush()
        os._exit(1)
    if not ended:
        # A thread inside TensorFlow would crash the interpreter while it shuts down.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    return 0


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(2048)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


async def _serve(sock: socket.socket, flags: Flags) -> bool:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    host, port = sock.getsockname()[:2]

    def announce() -> None:
        names = ", ".join(model.name for model in flags.options.models)
        at = f"[{host}]" if ":" in host else host
        sys.stdout.write(f"Listening on http://{at}:{port} for {names}\n")
        sys.stdout.flush()

    return await serve(sock, flags.options, stop, on_open=announce)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
