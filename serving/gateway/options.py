"""The command line of the gateway."""

from __future__ import annotations

import argparse
import ipaddress
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from serving.client.transport import Address
from serving.gateway.access.encryption import Encryption
from serving.gateway.access.token_file import TokenFile, TokenFileError
from serving.gateway.page import keeping as page_options
from serving.gateway.page.keeping import Keeping
from serving.gateway.records.options import WrittenDown, add_options, written_down
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
        tokens: The tokens; None when everybody may ask.
        host_names: Names of the gateway, beside those of loopback.
        encryption: From whom a token is accepted.
        spool: Where temporary files of scoring go.
        score_seconds: How long scoring a file may take.
        written_down: What is written down of what happens.
        kept: How long what people send to the page stays.
    """

    host: str
    port: int
    upstream: Address
    models: Sequence[str]
    limits: Limits
    tokens: TokenFile | None
    host_names: Sequence[str]
    encryption: Encryption
    spool: Path
    score_seconds: float
    written_down: WrittenDown
    kept: Keeping


def parse(arguments: Sequence[str]) -> Options:
    """Reads the command line; a wrong one ends the process with status 2 and a sentence."""
    parser = argparse.ArgumentParser(
        prog="python -m serving.gateway", description="The door before a model server.", allow_abbrev=False
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to bind; without --tokens one of loopback (default: %(default)s)"
    )
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
    parser.add_argument(
        "--score-seconds",
        type=float,
        default=300.0,
        help="how long scoring a file may take (default: %(default)s)",
    )
    parser.add_argument(
        "--spool",
        type=Path,
        default=Path(tempfile.gettempdir()) / f"gateway-{os.getuid()}",
        help="directory for temporary files, which gateways of one user may share (default: %(default)s)",
    )
    parser.add_argument("--tokens", type=Path, help="file of tokens; see: token add --help")
    parser.add_argument(
        "--host-name",
        action="append",
        default=[],
        help="name under which it is asked, beside localhost; may be repeated",
    )
    parser.add_argument(
        "--published-on-loopback",
        action="store_true",
        help="accept tokens over plain HTTP: the port is reached from this machine only",
    )
    parser.add_argument(
        "--trusted-proxy",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="IP address of a proxy where TLS ends, which sets X-Forwarded-Proto; may be repeated",
    )
    add_options(parser)
    page_options.add_options(parser)
    given = parser.parse_args(arguments)
    try:
        upstream = Address.of(given.upstream)
    except ValueError as error:
        parser.error(f"--upstream: {error}")
    if given.tokens is None and not is_loopback(given.host):
        parser.error(
            f"--host {given.host}: without tokens anybody could ask, so only loopback is bound. "
            "Use 127.0.0.1, or give --tokens."
        )
    if not 0 <= given.port <= 65535:
        parser.error(f"--port {given.port} is no port. Use 0 to 65535.")
    if given.max_body_bytes < 1 or not (given.answer_seconds > 0 and given.score_seconds > 0):
        parser.error("--max-body-bytes, --answer-seconds and --score-seconds have to be more than 0.")
    limits = Limits(body_bytes=given.max_body_bytes, answer_seconds=given.answer_seconds)
    try:
        for proxy in given.trusted_proxy:
            ipaddress.ip_address(proxy)
        tokens = None if given.tokens is None else TokenFile(given.tokens)
    except ValueError as error:
        parser.error(f"--trusted-proxy: {error}. Write its IP address.")
    except TokenFileError as error:
        parser.error(f"--tokens: {error}")
    return Options(
        host=given.host,
        port=given.port,
        upstream=upstream,
        models=given.model or ["customer-model"],
        limits=limits,
        tokens=tokens,
        host_names=given.host_name,
        encryption=Encryption(given.published_on_loopback, given.trusted_proxy),
        spool=given.spool,
        score_seconds=given.score_seconds,
        written_down=written_down(given, parser),
        kept=page_options.keeping(given, parser),
    )


def is_loopback(host: str) -> bool:
    """Whether an address, or the name localhost, is reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
