"""Loopback ports: a taken one is reported, with a free one instead, before anything heavy starts."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import NamedTuple

from stack.local.errors import StackError

HOST = "127.0.0.1"


class PortVariable(NamedTuple):
    """An environment variable that chooses a port.

    Attributes:
        variable: The variable's name.
        default: The port when the variable is not set or empty.
    """

    variable: str
    default: int


UI_PORT, SERVING_PORT = PortVariable("UI_PORT", 8080), PortVariable("SERVING_PORT", 8501)
GATEWAY_PORT = PortVariable("GATEWAY_PORT", 8600)


def read_port(choice: PortVariable) -> int:
    """The port that the environment asks for, or the default.

    Raises:
        StackError: The variable does not hold a port number.
    """
    text = os.environ.get(choice.variable) or str(choice.default)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise StackError(
            f"{choice.variable}={text} is not a port. Give a number from 1 to 65535, such as {choice.default}."
        )
    return int(text)


def read_free_ports(choices: Mapping[PortVariable, str]) -> list[int]:
    """The ports that the environment asks for, in order; a server can listen on each of them now.

    Args:
        choices: What each port is for, in the words of the message.

    Raises:
        StackError: A variable does not hold a port number, two hold the same, or a port is taken.
    """
    chosen: dict[int, str] = {}
    for choice in choices:
        port = read_port(choice)
        if port in chosen:
            raise StackError(f"{chosen[port]} and {choice.variable} are both {port}. Choose different ports.")
        chosen[port] = choice.variable
    for (port, variable), what in zip(chosen.items(), choices.values(), strict=True):
        require_free_port(port, variable, what)
    return [*chosen]


def local_url(port: int) -> str:
    """The base URL of a server on a port of this machine."""
    return f"http://{HOST}:{port}"


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: ignore closed connections
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def require_free_port(port: int, variable: str, what: str) -> None:
    """Make sure that a server can listen on this port.

    Args:
        port: The port.
        variable: The environment variable that chooses another one.
        what: What the port is for, in the words of the message.

    Raises:
        StackError: The port is taken; the message names a free one.
    """
    if not is_free(port):
        other = next((p for p in range(port + 1, min(port + 50, 65536)) if is_free(p)), port + 1)
        raise StackError(
            f"Port {port} on {HOST}, meant for {what}, is in use, or this user may not open it. "
            "Stop what listens there (`make down`, if `make up` started it, with the RETRAIN_ROOT that it had), or "
            f"choose another: {variable}={other}"
        )
