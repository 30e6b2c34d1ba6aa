"""Whether a token came to the gateway without being readable on the way."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass

from serving.gateway.headers import Fields


@dataclass(frozen=True)
class Encryption:
    """From whom a token is accepted.

    Attributes:
        published_on_loopback: Whether the port is reached from this machine only, though peers seem to be elsewhere,
            as with a container whose port is published on 127.0.0.1.
        trusted_proxies: IP addresses of proxies where TLS ends. They say by X-Forwarded-Proto what the client spoke.
    """

    published_on_loopback: bool = False
    trusted_proxies: Collection[str] = ()

    def covers(self, peer: str, fields: Fields) -> bool:
        """Whether a request from an IP address was safe on its way.

        A proxy that is trusted is believed when it says that its client spoke plain HTTP, on loopback too.
        """
        address = _plain(peer)
        if any(_plain(proxy) == address for proxy in self.trusted_proxies):
            return [value for name, value in fields if name.lower() == b"x-forwarded-proto"] == [b"https"]
        return self.published_on_loopback or (address is not None and address.is_loopback)


def _plain(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
