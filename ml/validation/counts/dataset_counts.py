"""Everything that validation counts of a data set, in one pass over its batches."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

from ml.config.settings import TargetSettings
from ml.data.csv_reader import NUMBER_COLUMNS, non_numeric, parse_numbers
from ml.data.features import ID
from ml.data.schema import Schema
from ml.validation.counts.column import Column
from ml.validation.counts.column_counts import ColumnCounts
from ml.validation.counts.label_codes import TooManyClasses
from ml.validation.counts.sentinel_counts import SentinelCounts
from ml.validation.tfdv_statistics import Statistics


@dataclass(frozen=True)
class Types:
    """As what the columns are taken until a batch shows otherwise.

    A column is numeric when no row has text in it that is no number, which only the last row can tell. So all columns
    that may be are taken for numbers, and the identifiers for whole ones, since a float64 holds no more than 15 digits
    exactly. The first batch that shows otherwise ends the pass, and another begins: at most five for a file of text in
    every number column, one for a file as it should be.
    """

    texts: frozenset[str] = frozenset()
    whole_ids: bool = True
    classes: bool = True

    def __or__(self, other: Types) -> Types:
        """Return the types of rows of which some have shown these, and some the others."""
        return Types(self.texts | other.texts, self.whole_ids and other.whole_ids, self.classes and other.classes)


USUAL = Types()


class OtherwiseError(Exception):
    """A batch has shown that the columns have other `types`."""

    def __init__(self, types: Types) -> None:
        super().__init__(types)
        self.types = types


@dataclass
class DatasetCounts:
    """The counts of some rows; `add` takes them batch by batch, encoded (`ml.data.csv_reader.read_encoded`).

    Those of parts of the rows are merged into those of all, in the order of the parts. So many rows with a label stand
    before these, `labelled_before`.
    """

    schema: Schema
    target: TargetSettings
    max_examples: int
    types: Types = USUAL
    labelled_before: int = 0
    rows: int = 0
    columns: dict[str, ColumnCounts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._features = {feature.name: feature for feature in self.schema.message.feature}
        self.statistics = Statistics()
        self.sentinel = SentinelCounts(
            self.target, as_target=not self.types.classes, labelled_before=self.labelled_before
        )

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the rows of a batch.

        Raises:
            OtherwiseError: It does not fit the types.
        """
        columns = {name: self._typed(name, batch[name]) for name in batch.schema.names}
        self.rows += batch.num_rows
        for name, column in columns.items():
            if name not in self.columns:
                self.columns[name] = ColumnCounts(self._features.get(name), self.max_examples)
            self.columns[name].add(column)
        self.statistics.add({name: column.as_lists() for name, column in columns.items()})
        try:
            self.sentinel.add(columns)
        except TooManyClasses:
            raise OtherwiseError(replace(self.types, classes=False)) from None

    def merge(self, later: DatasetCounts) -> None:
        """Add the counts of rows that come after these; the identifiers stay out (`SentinelCounts.merge`).

        Raises:
            OtherwiseError: The rows together do not fit the types.
        """
        self.rows += later.rows
        for name, column in later.columns.items():
            if name not in self.columns:
                self.columns[name] = ColumnCounts(self._features.get(name), self.max_examples)
            self.columns[name].merge(column)
        self.statistics.merge(later.statistics)
        try:
            self.sentinel.merge(later.sentinel)
        except TooManyClasses:
            raise OtherwiseError(replace(self.types, classes=False)) from None

    @property
    def labelled(self) -> int:
        """How many of the rows have a label."""
        column = self.columns.get(self.target.column)
        return column.rows - column.nulls if column else 0

    def _typed(self, name: str, column: pa.Array) -> Column:
        if name == ID:
            return Column.of_identifiers(self._identifiers(column))
        found = Column.of(column)
        if name not in NUMBER_COLUMNS or name in self.types.texts:
            return found
        if pc.any(non_numeric(found.values)).as_py():
            raise OtherwiseError(replace(self.types, texts=self.types.texts | {name}))
        return Column(parse_numbers(found.values), found.places)

    def _identifiers(self, column: pa.Array) -> pa.Array:
        if ID in self.types.texts:
            return column
        if self.types.whole_ids:
            try:
                numbers = pc.cast(column, pa.int64())
            except pa.ArrowInvalid:
                raise OtherwiseError(replace(self.types, whole_ids=False)) from None
            if not pc.any(pc.match_substring(column, "x", ignore_case=True)).as_py():  # Arrow reads 0x1F
                return numbers
        try:
            return pc.cast(column, pa.float64())
        except pa.ArrowInvalid:
            if pc.any(non_numeric(column)).as_py():
                raise OtherwiseError(replace(self.types, texts=self.types.texts | {ID})) from None
            return parse_numbers(column)
