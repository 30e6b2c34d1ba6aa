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
        if self._is_trusted(peer):
            return self.is_tls(peer, fields)
        address = _plain(peer)
        return self.published_on_loopback or (address is not None and address.is_loopback)

    def is_tls(self, peer: str, fields: Fields) -> bool:
        """Whether the client of a request spoke TLS: a trusted proxy says so."""
        said = [value for name, value in fields if name.lower() == b"x-forwarded-proto"]
        return self._is_trusted(peer) and said == [b"https"]

    def client(self, peer: str, fields: Fields) -> str:
        """The IP address of who asks: the last one that a trusted proxy names in X-Forwarded-For, else the peer."""
        if not self._is_trusted(peer):
            return peer
        named = [value for name, value in fields if name.lower() == b"x-forwarded-for"]
        return named[-1].rpartition(b",")[2].strip().decode("latin-1") if named else peer

    def _is_trusted(self, peer: str) -> bool:
        address = _plain(peer)
        return any(_plain(proxy) == address for proxy in self.trusted_proxies)


def _plain(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
