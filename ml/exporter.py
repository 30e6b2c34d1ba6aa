"""`python -m ml.exporter`: state for Prometheus that survives restarts, read anew at each scrape.

Events go over StatsD, but a counter that first appears with 1, once a week, never shows an `increase()`. What must be
known at any time is read here from its source: the ledger, the runs' files, the model server's status, the disk.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, MetricsHandler

from ml.config.settings import resolve
from ml.errors import RetrainError, SettingsError
from ml.monitoring.metric_families import collector_registry
from ml.storage.log_format import make_printable
from ml.storage.root import Root
from serving.client.model_client import ModelServer

log = logging.getLogger("ml.exporter")  # its __name__ is __main__
PORT = 9108
# Less than Prometheus waits for the whole page (scrape_timeout), or a hanging server would take all numbers with it.
SERVER_SECONDS = 3.0
CLIENT_SECONDS = 10.0  # between two pieces of a request; a client that says nothing would hold a thread for ever


def main(arguments: Sequence[str]) -> int:
    """Serve `/metrics` until SIGTERM or SIGINT, and return the exit code."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s")
    make_printable()
    parser = argparse.ArgumentParser(prog="python -m ml.exporter", description=__doc__)
    parser.add_argument("--listen", metavar="HOST:PORT", default=f"127.0.0.1:{PORT}", help=f"default 127.0.0.1:{PORT}")
    parser.add_argument("--root", metavar="DIR", help="the root directory; default RETRAIN_ROOT, or var/")
    parser.add_argument("--settings", metavar="FILE", type=Path, help="as for python -m ml")
    parser.add_argument("--serving-url", metavar="URL", help="the model server; default serving.url of the settings")
    options = parser.parse_args(arguments)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    try:
        settings = resolve(file=options.settings)
        host, port = _address(options.listen)
        root = Root.to_read(options.root)
        url = options.serving_url or settings.serving.url
        server = ModelServer(url, settings.serving.model, timeout=SERVER_SECONDS) if url else None
        try:
            shown = collector_registry(
                root, server, probation_hours=settings.probation.hours, versions=settings.keep.versions
            )
            http = ThreadingHTTPServer((host, port), page_of(shown))
        except OSError as error:
            what = f"--listen {options.listen}: cannot listen there ({error.strerror or error})."
            raise SettingsError(what, "Stop what is using it, or name another address.") from error
    except (RetrainError, OSError, ValueError) as error:
        log.error("%s", error)
        return error.exit_code if isinstance(error, RetrainError) else 1
    if server is None:
        log.warning("no model server is named (serving.url, --serving-url): the page says nothing about what serves")
    log.info("state of %s at http://%s:%d/metrics", root.path, host, http.server_port)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    stopped.wait()
    http.shutdown()
    http.server_close()
    thread.join()
    return 0


def page_of(registry: CollectorRegistry) -> type[MetricsHandler]:
    """Return a handler that shows the registry at `/metrics`, and nothing anywhere else."""
    shown = registry

    class Page(MetricsHandler):
        registry = shown
        timeout = CLIENT_SECONDS

        def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
            if urlsplit(self.path).path != "/metrics":
                self.send_error(HTTPStatus.NOT_FOUND, explain="The numbers are at /metrics.")
                return
            super().do_GET()

    return Page


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise SettingsError(f"--listen {text}: is not an address.", "Write HOST:PORT, for example 0.0.0.0:9108.")
    return host, int(port)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
