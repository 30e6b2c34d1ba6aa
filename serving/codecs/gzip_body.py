"""Unpacks a request body that is compressed with gzip."""

from __future__ import annotations

import zlib


def unpacked(body: bytes, *, most: int) -> bytes | None:
    """A gzip body unpacked; empty when it is no whole gzip, None when it would be larger than `most` bytes."""
    inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        text = inflater.decompress(body, most + 1)
    except zlib.error:
        return b""
    if len(text) > most:
        return None
    return text if inflater.eof and not inflater.unused_data else b""
