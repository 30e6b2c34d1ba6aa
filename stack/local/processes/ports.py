"""Loopback ports: refused with the way out before anything heavy starts."""

from __future__ import annotations

import os
import socket

from stack.local.errors import StackError

HOST = "127.0.0.1"
SERVING, UI = ("SERVING_PORT", 8501), ("UI_PORT", 8080)


def port_of(choice: tuple[str, int]) -> int:
    """The port that the environment variable names, or its default.

    Raises:
        StackError: The variable holds no port number.
    """
    variable, default = choice
    text = os.environ.get(variable) or str(default)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise StackError(f"{variable}={text}: not a port. Give a number from 1 to 65535, such as {default}.")
    return int(text)


def local_url(port: int) -> str:
    """The base URL of a server on a port of this machine."""
    return f"http://{HOST}:{port}"


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: ignore closed connections
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def need_free(port: int, variable: str, what: str) -> None:
    """Raise a `StackError` that names the port and how to choose another."""
    if not is_free(port):
        other = next((p for p in range(port + 1, min(port + 50, 65536)) if is_free(p)), port + 1)
        raise StackError(
            f"Port {port} on {HOST}, meant for {what}, is in use (or needs other rights). "
            f"Stop what listens there (`make down` if it is ours), or choose another: {variable}={other}"
        )
