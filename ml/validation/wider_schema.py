"""The schema that allows what was found, and as little more as possible; and which findings none can cure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ml.data.features import FEATURES
from ml.data.schema import Schema
from ml.data.schema_text import with_number, with_value
from ml.errors import FinalError
from ml.validation.counts.column_counts import MOST_COUNTED, ColumnCounts
from ml.validation.findings import OUT_OF_RANGE, UNEXPECTED_VALUE, Finding, Severity
from serving.tables.category_spelling import fold

TOO_OFTEN_MISSING = "FEATURE_TYPE_LOW_FRACTION_PRESENT"
CURABLE = (UNEXPECTED_VALUE, *OUT_OF_RANGE, TOO_OFTEN_MISSING)
"""The kinds of findings of a feature that a wider schema cures. The label has none: what it lacks cannot be learnt."""
MOST_NEW_VALUES = 20
"""More new values of one feature than that look like another column, not like a world that has changed."""


@dataclass
class _Widening:
    """A schema while it is changed: as a message, and as the text that shall say the same."""

    message: Any
    text: str
    text_fits: bool = True
    refused: list[str] = field(default_factory=list)

    def set_number(self, feature: Any, block: str, name: str, value: float) -> None:
        setattr(getattr(feature, block), name, value)
        written = str(int(value)) if value == int(value) else repr(round(value, 2))
        self._edit(with_number, feature.name, block, name, written)

    def add_value(self, feature: Any, value: str) -> None:
        from google.protobuf import text_encoding

        feature.string_domain.value.append(value)
        self._edit(with_value, feature.name, f'"{text_encoding.CEscape(value, as_utf8=True)}"')

    def _edit(self, change: Any, *arguments: str) -> None:
        try:
            self.text = change(self.text, *arguments)
        except LookupError:  # in a form that is not edited, such as a list in brackets
            self.text_fits = False

    def schema(self) -> Schema:
        """Return the result, in the words of the old text if they can be kept."""
        from google.protobuf import text_format

        try:
            if self.text_fits and Schema(self.text).message == self.message:
                return Schema(self.text, "the proposed schema")
        except FinalError:
            pass
        return Schema(text_format.MessageToString(self.message, as_utf8=True), "the proposed schema")


def is_curable(finding: Finding, label: str) -> bool:
    """Return whether a wider schema can cure the finding; `label` is the name of the label's column."""
    return finding.kind in CURABLE and finding.feature in FEATURES and finding.feature != label


def wider_schema(
    schema: Schema, columns: Mapping[str, ColumnCounts], findings: Sequence[Finding], severity: Severity
) -> tuple[Schema, list[str]]:
    """Return `schema` with what these curable findings need, and in a few words each what it cannot be given.

    - New values join a category, the most frequent first, until those that stay unknown no longer block.
    - A range is widened to whole numbers, never below 0: the model takes negative numbers for missing ones.
    - The least share of rows with a value is lowered to what was found, rounded down to a hundredth.
    """
    message = type(schema.message)()
    message.CopyFrom(schema.message)
    made = _Widening(message, schema.text)
    features = {feature.name: feature for feature in message.feature}
    for finding in findings:
        feature, column = features[finding.feature], columns[finding.feature]
        if finding.kind == UNEXPECTED_VALUE:
            _add_values(made, feature, column, severity)
        elif finding.kind in OUT_OF_RANGE:
            _widen_range(made, feature, column, finding.kind)
        else:
            share = 1 - column.nulls / column.rows
            made.set_number(feature, "presence", "min_fraction", math.floor(share * 100) / 100)
    return made.schema(), made.refused


def _add_values(made: _Widening, feature: Any, column: ColumnCounts, severity: Severity) -> None:
    if column.uncounted:
        made.refused.append(f"{feature.name} has more than {MOST_COUNTED:,} new values")
        return
    by_fold: dict[str, Counter[str]] = {}
    for text, count in column.unknown.items():
        by_fold.setdefault(fold(text), Counter())[text] += count
    spelled = [(max(texts, key=lambda text: (texts[text], text)), texts.total()) for texts in by_fold.values()]
    left, added = column.unknown.total(), 0
    for value, count in sorted(spelled, key=lambda one: (-one[1], one[0])):
        if left / column.rows <= severity.blocks_above.get(UNEXPECTED_VALUE, 0.0):
            return
        if added == MOST_NEW_VALUES:
            made.refused.append(f"{feature.name} would need more than {MOST_NEW_VALUES} new values")
            return
        made.add_value(feature, value)
        left, added = left - count, added + 1


def _widen_range(made: _Widening, feature: Any, column: ColumnCounts, kind: str) -> None:
    if kind == OUT_OF_RANGE[0]:
        if column.low is None or column.low < 0:
            made.refused.append(f"{feature.name} has numbers below 0, which the model takes for missing")
            return
        made.set_number(feature, "float_domain", "min", math.floor(column.low))
    elif column.high is not None:
        high = float(np.float32(math.ceil(column.high)))  # as the schema holds it
        high = high if high >= column.high else float(np.nextafter(np.float32(high), np.float32(np.inf)))
        made.set_number(feature, "float_domain", "max", high)
