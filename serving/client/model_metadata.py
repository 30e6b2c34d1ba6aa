"""What the metadata of a version say, as `ModelServer.metadata` returns them: signatures, and whether it is a sample.

A model that was trained on made-up customers has one signature more than others. So every server that knows the REST
API of TensorFlow Serving can tell it from a model of real ones, wherever its directory was copied to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SAMPLE_SIGNATURE = "sample_data"
"""The signature that only a model of the built-in sample has; it answers as `serving_default` does."""


def signatures_of(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the signatures by their names; empty when the metadata have none."""
    found = metadata
    for name in ("metadata", "signature_def", "signature_def"):
        inner = found.get(name)
        found = inner if isinstance(inner, Mapping) else {}
    return found


def is_sample(metadata: Mapping[str, Any]) -> bool:
    """Return whether the version was trained on made-up customers."""
    return SAMPLE_SIGNATURE in signatures_of(metadata)
