"""The names under which the gateway may be asked.

A web page whose name is made to mean this machine (DNS rebinding) counts for a browser as one site with the gateway and
may read its answers; but its requests still name it in their Host field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from serving.gateway.headers import Fields

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]/@\s]+)(?::[0-9]{1,5})?")


def strange_name(fields: Fields, target_host: str | None, names: Iterable[str]) -> str | None:
    """What a request calls the gateway, if it is none of its names; else None.

    A request without a name passes: no browser sends one.

    Args:
        fields: The header fields of the request.
        target_host: Host and port in its target, if it has them.
        names: The names, in lower case.
    """
    given = [value.decode("latin-1") for name, value in fields if name.lower() == b"host"]
    if len(given) > 1:
        return ", ".join(given)
    if target_host is not None:
        given.append(target_host)
    for text in given:
        found = _HOST.fullmatch(text)
        if found is None or found[1].lower() not in names:
            return text
    return None
