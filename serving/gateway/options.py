"""The command line of the gateway."""

from __future__ import annotations

import argparse
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from serving.client.transport import Address
from serving.http.limits import Limits

_DEFAULT_ANSWER_SECONDS = 32.0
"""A little more than the model server's own limit, so that its own words arrive."""


@dataclass(frozen=True)
class Options:
    """What the gateway listens on and what is behind it.

    Attributes:
        host: The IP address that it binds, one of this machine's own.
        port: The port; 0 for any free one.
        upstream: The server behind.
        models: The models whose versions are observed; the first one is the one of the health page.
        limits: The limits on requests.
    """

    host: str
    port: int
    upstream: Address
    models: Sequence[str]
    limits: Limits


def parse(arguments: Sequence[str]) -> Options:
    """Reads the command line; a wrong one ends the process with status 2 and a sentence."""
    parser = argparse.ArgumentParser(
        prog="python -m serving.gateway", description="The door before a model server.", allow_abbrev=False
    )
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to bind (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=8600, help="port to bind; 0 for any free one (default: %(default)s)"
    )
    parser.add_argument(
        "--upstream", default="http://127.0.0.1:8501", help="model server behind the gateway (default: %(default)s)"
    )
    parser.add_argument(
        "--model", action="append", help="model whose version is observed; may be repeated (default: customer-model)"
    )
    parser.add_argument("--max-body-bytes", type=int, default=16 << 20, help="largest body (default: %(default)s)")
    parser.add_argument(
        "--answer-seconds",
        type=float,
        default=_DEFAULT_ANSWER_SECONDS,
        help="how long the model server may take for an answer (default: %(default)s)",
    )
    given = parser.parse_args(arguments)
    try:
        upstream = Address.of(given.upstream)
    except ValueError as error:
        parser.error(f"--upstream: {error}")
    if not is_loopback(given.host):
        parser.error(
            f"--host {given.host}: without tokens anybody could ask, so only loopback is bound. Use 127.0.0.1 or ::1."
        )
    if not 0 <= given.port <= 65535:
        parser.error(f"--port {given.port} is no port. Use 0 to 65535.")
    if given.max_body_bytes < 1 or not given.answer_seconds > 0:
        parser.error("--max-body-bytes and --answer-seconds have to be more than 0.")
    limits = Limits(body_bytes=given.max_body_bytes, answer_seconds=given.answer_seconds)
    return Options(given.host, given.port, upstream, given.model or ["customer-model"], limits)


def is_loopback(host: str) -> bool:
    """Whether an address, or the name localhost, is reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
