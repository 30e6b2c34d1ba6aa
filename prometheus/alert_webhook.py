"""An example of a receiver for Alertmanager's webhook, which logs one line for each alert. Standard library only.

Run it with `python prometheus/alert_webhook.py --listen 0.0.0.0:9096`. The format of notifications:
https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

log = logging.getLogger("alerts")
MAX_BYTES = 1 << 20


class Receiver(BaseHTTPRequestHandler):
    """Answers 200 to notifications, so that Alertmanager does not repeat them, and to GET, for health checks."""

    timeout = 10  # seconds; without it a silent client would occupy its thread for ever

    def do_GET(self) -> None:
        """Answers a health check."""
        self._answer(200)

    def do_POST(self) -> None:
        """Logs one notification, which holds the alerts of one group; the path names the receiver."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BYTES:
            return self._answer(413)
        try:
            lines = [_line(alert) for alert in json.loads(self.rfile.read(int(length)))["alerts"]]
        except (ValueError, LookupError, TypeError, AttributeError):
            return self._answer(400)
        for line in lines:
            log.info("%s %s", self.path.strip("/"), line)
        return self._answer(200)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in the base class
        """Logs no requests: the alerts are the log."""

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _line(alert: dict[str, Any]) -> str:
    said = alert["annotations"]
    words = [alert["status"], alert["labels"]["alertname"], said.get("summary", ""), said.get("description", "")]
    # An alert stays one line, whatever is in its labels.
    return " ".join(" ".join([*words, said.get("runbook_url", "")]).split())


def main() -> None:
    """Serves until the process is stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", metavar="HOST:PORT", default="127.0.0.1:9096", help="where to listen")
    host, _, port = parser.parse_args().listen.rpartition(":")
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(message)s")
    ThreadingHTTPServer((host, int(port)), Receiver).serve_forever()


if __name__ == "__main__":
    main()
