"""The schema of the data: git's schema.pbtxt, which people curate, or one that was accepted or frozen since."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ml.errors import FinalError
from ml.storage.files import sha256_bytes
from serving.tables.category_spelling import spellings

SEED = Path(__file__).with_name("schema.pbtxt")
PROPOSED, PROPOSED_DIFF = "proposed_schema.pbtxt", "proposed_schema.diff"
"""The files of a proposal in the directory of a blocked run."""
MEANT_FOR = 8068
"""The customers in each of the samples from which the drift thresholds were made."""


@dataclass(frozen=True)
class Schema:
    """A schema by its text, in the text format of `tensorflow_metadata.proto.v0.Schema`; messages call it `name`."""

    text: str
    name: str = "schema.pbtxt"

    @classmethod
    def read(cls, path: Path, *, sha256: str = "", cure: str = "Restore the file from a backup.") -> Schema:
        """Read the file at `path`, which must hash to `sha256` if that is known.

        Raises:
            FinalError: It is missing, was changed, or is not UTF-8.
        """
        try:
            content = path.read_bytes()
            text = content.decode()
        except FileNotFoundError:
            raise FinalError(f"{path}: the schema is missing.", cure) from None
        except UnicodeDecodeError as error:
            raise FinalError(f"{path}: is not UTF-8 ({error.reason}).", cure) from None
        if sha256 and sha256 != sha256_bytes(content):
            found = sha256_bytes(content)
            raise FinalError(f"{path}: was changed (sha256 {found[:12]}, and it was {sha256[:12]}).", cure)
        return cls(text, str(path))

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the text in UTF-8, in hex."""
        return sha256_bytes(self.text.encode())

    @cached_property
    def message(self) -> Any:
        """The `tensorflow_metadata.proto.v0.Schema`, without loading TensorFlow; it is shared: copy before a change.

        Raises:
            FinalError: The text is no schema.
        """
        from google.protobuf import text_format
        from tensorflow_metadata.proto.v0 import schema_pb2

        try:
            return text_format.Parse(self.text, schema_pb2.Schema())
        except (text_format.ParseError, RecursionError, ValueError) as error:
            raise FinalError(f"{self.name}: is not a schema: {error}.", "Correct that line.") from None

    @cached_property
    def spellings(self) -> dict[str, dict[str, str]]:
        """For each column whose categories are listed, those by their folded form (`category_spelling`)."""
        return {
            feature.name: spellings(feature.string_domain.value)
            for feature in self.message.feature
            if feature.HasField("string_domain")
        }

    @cached_property
    def drift_thresholds(self) -> dict[str, float]:
        """For each feature that is compared the distance from which on it counts as drifted."""
        return self.thresholds_of(self.message)

    @staticmethod
    def thresholds_of(message: Any) -> dict[str, float]:
        """Return the same of any `tensorflow_metadata.proto.v0.Schema`."""
        found = {}
        for feature in message.feature:
            comparator = feature.drift_comparator
            for distance in (comparator.infinity_norm, comparator.jensen_shannon_divergence):
                if distance.threshold:
                    found[feature.name] = float(distance.threshold)
        return found


def seed_schema() -> Schema:
    """Return git's schema, which is in force until another one is accepted, and wherever there is no run."""
    return Schema.read(SEED, cure="Restore it from git.")
