"""Reads schema.pbtxt, the curated schema of a customer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ml.storage.files import sha256_file

SCHEMA = Path(__file__).with_name("schema.pbtxt")


def schema_sha256() -> str:
    """Return the SHA-256 of the schema file, in hex."""
    return sha256_file(SCHEMA)


def read_schema() -> Any:
    """Read the `tensorflow_metadata.proto.v0.Schema`, without loading TensorFlow."""
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    return text_format.Parse(SCHEMA.read_text(encoding="utf-8"), schema_pb2.Schema())


def drift_thresholds() -> dict[str, float]:
    """Return for each feature that is compared the distance from which on it counts as drifted."""
    found = {}
    for feature in read_schema().feature:
        comparator = feature.drift_comparator
        for distance in (comparator.infinity_norm, comparator.jensen_shannon_divergence):
            if distance.threshold:
                found[feature.name] = float(distance.threshold)
    return found
