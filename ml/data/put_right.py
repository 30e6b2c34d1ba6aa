"""What reading puts right by itself: blanks, spellings of a category, the forms of a missing value, empty rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from ml.data.features import FEATURES
from serving.tables.category_spelling import ASCII_BLANKS, fold
from serving.tables.missing_values import MISSING

_MISSING = pa.array(sorted(MISSING))
_KEPT_TEXTS = 5


@dataclass
class PutRight:
    """What reading put right by itself, for whoever has to say so.

    Attributes:
        respelled: How often each text of a category stood for the schema's spelling of it, by column.
        without_features: The number of rows that were dropped because no feature has a value in them.
        left_in_them: Other texts in those rows, at most a few.
    """

    respelled: dict[str, Counter[str]] = field(default_factory=dict)
    without_features: int = 0
    left_in_them: list[str] = field(default_factory=list)

    def merge(self, later: PutRight) -> None:
        """Add what was put right in rows that come after these."""
        for name, counts in later.respelled.items():
            self.respelled.setdefault(name, Counter()).update(counts)
        self.without_features += later.without_features
        self.left_in_them = (self.left_in_them + later.left_in_them)[:_KEPT_TEXTS]


def plain(column: pa.Array) -> pa.Array:
    """Return the column without its dictionary, if it has one."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def meant_values(column: pa.Array, name: str, known: dict[str, str] | None, found: PutRight) -> pa.Array:
    """Strip white space around values; what is then empty, or written like a missing value, becomes null.

    `known` has the schema's categories by their folded form; None for a column without.
    """
    if not pa.types.is_dictionary(column.type):
        trimmed = pc.utf8_trim_whitespace(column)
        return pc.if_else(pc.is_in(trimmed, value_set=_MISSING), None, trimmed)
    given = column.dictionary.to_pylist()
    if known is None:
        trimmed = pc.utf8_trim_whitespace(column.dictionary)
        right = pc.if_else(pc.is_in(trimmed, value_set=_MISSING), None, trimmed).to_pylist()
    else:
        right = [None if text.strip() in MISSING else known.get(fold(text), text.strip(ASCII_BLANKS)) for text in given]
    if right == given:
        return column
    if known is not None and any(text != meant for text, meant in zip(given, right, strict=True) if meant is not None):
        counts = {pair["values"]: pair["counts"] for pair in pc.value_counts(column.indices.drop_null()).to_pylist()}
        for place, (text, meant) in enumerate(zip(given, right, strict=True)):
            if meant in known.values() and text != meant:
                found.respelled.setdefault(name, Counter())[text] += counts[place]
    encoded = pa.array(right, pa.string()).dictionary_encode()  # several texts may mean the same
    return pa.DictionaryArray.from_arrays(encoded.indices.take(column.indices), encoded.dictionary)


def with_features(rows: pa.RecordBatch, found: PutRight) -> pa.RecordBatch:
    """Leave out the rows without any feature, and note them in `found`."""
    features = [name for name in FEATURES if name in rows.schema.names]
    if not features:
        return rows
    has_one = rows[features[0]].is_valid()
    for name in features[1:]:
        has_one = pc.or_(has_one, rows[name].is_valid())
    dropped = rows.filter(pc.invert(has_one))
    if dropped.num_rows:
        found.without_features += dropped.num_rows
        texts = [text for row in dropped.slice(0, _KEPT_TEXTS).to_pylist() for text in row.values() if text is not None]
        found.left_in_them = (found.left_in_them + texts)[:_KEPT_TEXTS]
    return _without_unused(rows.filter(has_one)) if dropped.num_rows else rows


def _without_unused(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Encode anew what was filtered, so that no dictionary has a value of a row that is gone."""
    columns = [c if c.type == pa.string() else plain(c).dictionary_encode() for c in rows.columns]
    return pa.RecordBatch.from_arrays(columns, names=rows.schema.names)
