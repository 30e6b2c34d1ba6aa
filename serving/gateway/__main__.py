"""The command `python -m serving.gateway`."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import Sequence

import uvloop

from serving.gateway.access.command import main as token_command
from serving.gateway.access.door import Door
from serving.gateway.app import App
from serving.gateway.options import Options, parse
from serving.gateway.outcomes.route import OutcomesRoute
from serving.gateway.outcomes.uploads import OutcomeUploads
from serving.gateway.page.kept_lists import KeptLists
from serving.gateway.page.lists import Lists
from serving.gateway.page.render import Rendered
from serving.gateway.page.route import PageRoute
from serving.gateway.passage import Behind
from serving.gateway.records.erase_command import main as erase_command
from serving.gateway.records.recorder import Recorder
from serving.gateway.scoring.pool import ScorePool, Scorer
from serving.gateway.scoring.route import ScoreRoute
from serving.gateway.scoring.spool import Spool, SpoolError
from serving.gateway.upstream import Upstream
from serving.gateway.version_watch import VersionWatch
from serving.http.memory import map_large_blocks
from serving.http.server import HttpServer
from serving.records.private_files import DirectoryError

_GARBAGE_COLLECTED_EVERY = 10_000


def main(arguments: Sequence[str]) -> int:
    """Serves until SIGTERM or SIGINT; as `token`, changes or lists tokens; as `erase`, erases a customer.

    Returns:
        0 after SIGTERM or SIGINT; 1 when the gateway could not start, or a token or a customer's rows not be changed;
            2 for a wrong command line.
    """
    if arguments[:1] == ["token"]:
        return token_command(arguments[1:])
    if arguments[:1] == ["erase"]:
        return erase_command(arguments[1:])
    options = parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    map_large_blocks()
    # Requests that wait are no garbage: at the usual 700 objects the collector would look at them again and again.
    gc.set_threshold(_GARBAGE_COLLECTED_EVERY)
    try:
        sock = _bound(options.host, options.port)
    except OSError as error:
        sys.stderr.write(
            f"serving.gateway: cannot listen on {options.host}:{options.port}: {error.strerror or error}. "
            "Stop what is using it, or choose another --port.\n"
        )
        return 1
    try:
        options.written_down.make_directories()
        spool = Spool(options.spool)
    except (SpoolError, DirectoryError) as error:
        sock.close()
        sys.stderr.write(f"serving.gateway: {error}\n")
        return 1
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(sock, options, spool))
    spool.close()
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


async def _serve(sock: socket.socket, options: Options, spool: Spool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    host, port = sock.getsockname()[:2]
    upstream = Upstream(options.upstream)
    versions = VersionWatch(upstream, options.models)
    door = Door(options.tokens, options.host_names, options.encryption)
    limits, model = options.limits, options.models[0]
    scorer = Scorer(spool, options.upstream.url, model, limits.answer_seconds, options.score_seconds)
    down = options.written_down
    recorder = Recorder(down.record) if down.record is not None else None
    pool = ScorePool(scorer, recorder)
    scores = ScoreRoute(pool)
    kept = options.kept
    lists = Lists(pool, KeptLists(kept.lists, kept.days), kept.unused_seconds)
    uploads = OutcomeUploads(down.outcomes, down.outcome_labels, versions, model, spool)
    page = PageRoute(lists, uploads, Rendered(model, body_bytes=limits.body_bytes, kept=kept))
    app = App(Behind(upstream, versions, limits, recorder), door, scores, OutcomesRoute(uploads), page, model)
    server = HttpServer(app.handle, options.limits, keep_headers=True, wants_body=app.wants_body)
    await server.start(sock)
    running = [loop.create_task(versions.run()), loop.create_task(page.run())]
    if recorder is not None:
        versions.on_heard = recorder.heard
        running.append(loop.create_task(recorder.run()))
    at = f"[{host}]" if ":" in host else host
    sys.stdout.write(f"Listening on http://{at}:{port} before {options.upstream.host}:{options.upstream.port}\n")
    sys.stdout.flush()
    try:
        await stop.wait()
    finally:
        await server.stop()
        await scores.close()
        await uploads.close()
        await page.close()
        if recorder is not None:
            await recorder.close()
        for task in running:
            task.cancel()
        upstream.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
