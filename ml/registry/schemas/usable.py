"""What the code needs of a schema, whoever wrote it: columns, types, a label with its segments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ml.config.settings import TargetSettings
from ml.data.features import CATEGORICAL, FEATURES, ID, NUMERIC
from ml.data.schema import Schema
from ml.errors import FinalError
from serving.tables.category_spelling import fold

ENVIRONMENT = "TRAINING"


def require_usable(schema: Schema, target: TargetSettings) -> None:
    """Check that every run with this schema would not fail, or read the data wrongly, whatever they are.

    Raises:
        FinalError: It is no schema, or would; the message names everything.
    """
    found = list(_faults(schema.message, target))
    if found:
        raise FinalError(f"{schema.name}: {'; '.join(found)}.", "Correct the file, then accept it again.")


def _faults(message: Any, target: TargetSettings) -> Iterator[str]:
    if ENVIRONMENT not in message.default_environment:
        yield f'it lacks default_environment: "{ENVIRONMENT}"'
    counts = Counter(feature.name for feature in message.feature)
    yield from (f"it has {name} {count} times" for name, count in sorted(counts.items()) if count > 1)
    features = {feature.name: feature for feature in message.feature}
    for name in (*FEATURES, target.column):
        if name not in features:
            yield f"it lacks {name}, which the code needs"
        elif ENVIRONMENT in features[name].not_in_environment:
            yield f"{name} is not in the environment {ENVIRONMENT}, and the code needs it there"
    for name, feature in features.items():
        yield from _faults_of_feature(name, feature, target)


def _faults_of_feature(name: str, feature: Any, target: TargetSettings) -> Iterator[str]:
    from tensorflow_metadata.proto.v0 import schema_pb2

    is_number, is_text = name in (ID, *NUMERIC), name in (*CATEGORICAL, target.column)
    wanted = schema_pb2.FLOAT if is_number else schema_pb2.BYTES
    if (is_number or is_text) and feature.type != wanted:
        yield f"the type of {name} must be {schema_pb2.FeatureType.Name(wanted)}"
    if is_text and feature.HasField("domain"):
        yield f"{name} must list its values in a string_domain of its own, not by domain"
    if name in NUMERIC and feature.HasField("float_domain") and feature.float_domain.min < 0:
        yield f"{name} may not be below 0, since the model takes negative numbers for missing ones"
    folded = Counter(map(fold, feature.string_domain.value))
    if twice := sorted(value for value in feature.string_domain.value if folded[fold(value)] > 1):
        yield f"{name} has values that differ only in letter case or blanks: {', '.join(map(repr, twice))}"
    if name == target.column and feature.HasField("string_domain"):
        missing = set(target.positive_segments) - set(feature.string_domain.value)
        if missing:
            yield f"{name} lacks {', '.join(sorted(missing))}, the target"
