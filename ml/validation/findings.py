"""One finding of validation: which feature, what was found, in how many rows, a few examples, and whether it blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ml.data.csv_reader import non_numeric

OUT_OF_RANGE = ("FLOAT_TYPE_SMALL_FLOAT", "FLOAT_TYPE_BIG_FLOAT")
NOT_THERE = ("FEATURE_TYPE_LOW_FRACTION_PRESENT", "FEATURE_TYPE_NOT_PRESENT", "FEATURE_TYPE_LOW_NUMBER_PRESENT")
NOT_A_NUMBER = ("UNEXPECTED_DATA_TYPE", "FLOAT_TYPE_STRING_NOT_FLOAT")
INFINITE = "FLOAT_TYPE_HAS_INF"
SHOWN_CHARACTERS = 60
UNEXPECTED_VALUE = "ENUM_TYPE_UNEXPECTED_STRING_VALUES"


@dataclass(frozen=True)
class Finding:
    """An anomaly of one `kind` in `feature`, "" for the data set as a whole, that `rows` rows show."""

    kind: str
    feature: str
    what: str
    rows: int
    share: float
    examples: list[str]
    blocks: bool

    @property
    def sentence(self) -> str:
        """The finding for people: feature, what was found, in how many rows, examples."""
        where = f"Column {self.feature!r}" if self.feature else "The data set"
        counted = f" in {rows_text(self.rows)} ({self.share:.2%})" if self.rows else ""
        shown = f", e.g. {', '.join(self.examples)}" if self.examples else ""
        return f"{where}: {self.what}{counted}{shown}."

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as validation.json holds it."""
        return asdict(self) | {"sentence": self.sentence}


@dataclass(frozen=True)
class Severity:
    """The shares of rows above which a kind of anomaly blocks, from the settings; a kind that is not listed blocks."""

    blocks_above: Mapping[str, float]
    max_examples: int

    def finding(self, kind: str, feature: str, what: str, rows: int, total: int, examples: list[str]) -> Finding:
        """Return a finding with its share and severity; when rows cannot be counted the share is 1."""
        share = rows / total if rows and total else 1.0
        blocks = share > self.blocks_above.get(kind, 0.0)
        return Finding(kind, feature, what, rows, share, examples, blocks)

    def shown(self, values: pa.Array) -> list[str]:
        """Return distinct values for a message, at most `max_examples`, each cut to `SHOWN_CHARACTERS`."""
        distinct = pc.unique(values).to_pylist()[: self.max_examples]
        return [shown_text(value) for value in distinct if value is not None]


def shown_text(value: object) -> str:
    """Return a value as examples show it: a number briefly, a text in quotes and cut to `SHOWN_CHARACTERS`."""
    return f"{value:g}" if isinstance(value, float) else repr(value)[:SHOWN_CHARACTERS]


def rows_text(count: int) -> str:
    """Return the count with its noun: `1 row`, `2 rows`."""
    return "1 row" if count == 1 else f"{count:,} rows"


def anomalous_rows(kind: str, column: pa.Array, feature: Any) -> pa.Array | None:
    """Return a mask of the rows of `column` that show the anomaly `kind`; None when no row by itself shows it.

    `feature` is its `tensorflow_metadata.proto.v0.Feature`.
    """
    is_text = pa.types.is_string(column.type)
    if kind in OUT_OF_RANGE and not is_text:
        domain = feature.float_domain
        return pc.less(column, domain.min) if kind == OUT_OF_RANGE[0] else pc.greater(column, domain.max)
    if kind == INFINITE and not is_text:
        return pc.is_inf(column)
    if kind in NOT_THERE:
        return pc.is_null(column)
    if kind in NOT_A_NUMBER and is_text:
        return non_numeric(column)
    if kind == UNEXPECTED_VALUE and is_text:
        known = pa.array(list(feature.string_domain.value), pa.string())
        return pc.and_(pc.is_valid(column), pc.invert(pc.is_in(column, value_set=known)))
    return None
