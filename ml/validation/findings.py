"""One finding of validation: which feature, what was found, in how many rows, a few examples, and whether it blocks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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

    def shown(self, values: Iterable[object]) -> list[str]:
        """Return distinct values for a message, at most `max_examples`, each cut to `SHOWN_CHARACTERS`."""
        return [shown_text(value) for value in list(values)[: self.max_examples]]


def shown_text(value: object) -> str:
    """Return a value as examples show it: a number briefly, a text in quotes and cut to `SHOWN_CHARACTERS`."""
    return f"{value:g}" if isinstance(value, float) else repr(value)[:SHOWN_CHARACTERS]


def rows_text(count: int) -> str:
    """Return the count with its noun: `1 row`, `2 rows`."""
    return "1 row" if count == 1 else f"{count:,} rows"


def anomalous_values(kind: str, values: pa.Array, feature: Any) -> pa.Array:
    """Return a mask of the `values` (no nulls) that show the anomaly `kind`, one that belongs to their type.

    `feature` is its `tensorflow_metadata.proto.v0.Feature`.
    """
    if kind in OUT_OF_RANGE:
        domain = feature.float_domain
        return pc.less(values, domain.min) if kind == OUT_OF_RANGE[0] else pc.greater(values, domain.max)
    if kind == INFINITE:
        return pc.is_inf(pc.cast(values, pa.float64(), safe=False))
    if kind in NOT_A_NUMBER:
        return non_numeric(values)
    known = pa.array(list(feature.string_domain.value), pa.string())
    return pc.invert(pc.is_in(values, value_set=known))
