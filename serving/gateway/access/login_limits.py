"""How often somebody may try to log in, from one address and from all together.

Nobody guesses a token of 256 random bits; the limits keep those who try from costing anything.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

from serving.gateway.access.token_bucket import TokenBucket

_OF_AN_ADDRESS = (0.2, 10)
_OF_ALL = (20.0, 100)
_MOST_ADDRESSES = 4096
_NETWORK_BITS = 64
"""A customer of a provider has so many bits of an IPv6 address for himself."""


class LoginLimits:
    """Limits attempts to log in.

    Args:
        now: The time in seconds, on the clock of all later calls.
    """

    def __init__(self, now: float) -> None:
        self._all = TokenBucket(*_OF_ALL, now)
        self._addresses: OrderedDict[str, TokenBucket] = OrderedDict()

    def wait_seconds(self, address: str, now: float) -> float:
        """Counts an attempt from an IP address and returns 0; or after how many seconds there may be one."""
        key = _network(address)
        bucket = self._addresses.pop(key, None) or TokenBucket(*_OF_AN_ADDRESS, now)
        self._addresses[key] = bucket  # the last one now
        if len(self._addresses) > _MOST_ADDRESSES:
            self._addresses.popitem(last=False)
        # First the address: who is over his own limit takes nothing from the others.
        return bucket.wait_seconds(now) or self._all.wait_seconds(now)


def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, _NETWORK_BITS), strict=False))
    return str(found)
