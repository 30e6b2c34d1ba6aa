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
