"""What is odd about the values of a file: unknown, out of range, missing or spelled otherwise; and how far it is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from serving.expectation.distances import Distance, FileDistances
from serving.expectation.known_inputs import KnownInput
from serving.tables.customers import Customer

_SHOWN = 3
_SHOWN_LINES = 5
_SHOWN_CHARACTERS = 40
_WAITING = 5000


@dataclass
class _Column:
    """The counts of one column; of its odd values no more than a few examples are kept."""

    missing: int = 0
    unknown: int = 0
    outside: int = 0
    respelled: int = 0
    examples: dict[str, list[str]] = field(default_factory=dict)

    def show(self, kind: str, text: str) -> None:
        """Keep an example of a kind, unless there are enough."""
        kept = self.examples.setdefault(kind, [])
        if len(kept) < _SHOWN and text not in kept:
            kept.append(text)

    def shown(self, kind: str) -> str:
        """The examples of a kind, for a sentence."""
        return ", ".join(self.examples.get(kind, []))


@dataclass(frozen=True)
class ColumnReport:
    """What was seen in one column.

    Attributes:
        name: The name of the input.
        missing: How many values are missing.
        unknown: How many the model does not know.
        outside: How many numbers are outside the range of the schema.
        respelled: How many are known when letter case and blanks do not count.
        examples: A few of the odd ones, by kind: "unknown", "outside" and "respelled".
        distance: How far the column is from the training data; None when that is not known.
    """

    name: str
    missing: int
    unknown: int
    outside: int
    respelled: int
    examples: Mapping[str, Sequence[str]]
    distance: Distance | None


@dataclass
class InputCheck:
    """Looks at every customer of a file before any is scored; memory does not grow with the file.

    Attributes:
        inputs: What the version knows of each input; empty when that is not known.
        places: The column of each input in a row.
        customers: How many customers there are.
        left_out: The lines of the rows without a value for any input, at most a few.
        left_out_rows: How many such rows there are.
        has_decimal_comma: Whether a number has a decimal comma.
    """

    inputs: Mapping[str, KnownInput]
    places: Mapping[str, int]
    customers: int = 0
    left_out: list[int] = field(default_factory=list)
    left_out_rows: int = 0
    has_decimal_comma: bool = False

    def __post_init__(self) -> None:
        self._columns = {name: _Column() for name in self.places}
        # Most texts of a column come again and again: each is counted here, and looked at once.
        self._waiting: dict[str, dict[str, list[Any]]] = {name: {} for name in self.places}
        self._distances = FileDistances(self.inputs)

    def add(self, customer: Customer) -> None:
        """Count one row."""
        if customer.instance is None:
            self.left_out_rows += 1
            if len(self.left_out) < _SHOWN_LINES:
                self.left_out.append(customer.line)
            return
        self.customers += 1
        for name, value in customer.instance.items():
            given, texts = customer.row[self.places[name]], self._waiting[name]
            if given in texts:
                texts[given][1] += 1
            else:
                texts[given] = [value, 1]
                if len(texts) >= _WAITING:
                    self._look(name)

    def _look(self, name: str) -> None:
        """Look at the texts of a column that wait, each of them once."""
        column, known = self._columns[name], self.inputs.get(name)
        for given, (value, count) in self._waiting[name].items():
            if value == "" or value != value:
                column.missing += count
                continue
            self._distances.add(name, value, count)
            if isinstance(value, float):
                self.has_decimal_comma |= "," in given
                low, high = (known.low, known.high) if known else (None, None)
                if not (-math.inf if low is None else low) <= value <= (math.inf if high is None else high):
                    column.outside += count
                    column.show("outside", f"{value:g}")
            elif known and known.values is not None and value not in known.values:
                column.unknown += count
                column.show("unknown", repr(given)[:_SHOWN_CHARACTERS])
            elif known and given != value:
                column.respelled += count
                column.show("respelled", f"{given[:_SHOWN_CHARACTERS]!r} as {value}")
        self._waiting[name].clear()

    def finish(self) -> None:
        """Look at what waits, after the last row."""
        for name in self.places:
            self._look(name)

    def reports(self) -> list[ColumnReport]:
        """What was seen in each column."""
        distances = {found.column: found for found in self._distances.measured()}
        return [
            ColumnReport(
                *(name, column.missing, column.unknown, column.outside, column.respelled),
                column.examples,
                distances.get(name),
            )
            for name, column in self._columns.items()
        ]

    def notes(self) -> Iterator[str]:
        """A sentence for each thing that the user should know."""
        yield from self.oddities()
        for name, column in self._columns.items():
            known = self.inputs.get(name)
            if column.missing and (known is None or known.missing):
                share = column.missing / max(1, self.customers)
                yield f"{name}: missing in {_rows(column.missing)} ({100 * share:.1f} %)"
            if column.respelled:
                yield (
                    f"{name}: {_values(column.respelled)} taken without regard to letter case and blanks, "
                    f"{column.shown('respelled')}"
                )

    def oddities(self) -> Iterator[str]:
        """A sentence for each thing for which `--strict` refuses the file."""
        if self.left_out_rows:
            lines = ", ".join(map(str, self.left_out))
            more = self.left_out_rows - len(self.left_out)
            yield (
                f"line{'s' if self.left_out_rows > 1 else ''} {lines}{f' and {more:,} more' if more else ''}: "
                "no value for any input of the model; not a customer, and left out"
            )
        for name, column in self._columns.items():
            known = self.inputs.get(name)
            if column.unknown:
                yield (
                    f"{name}: {_values(column.unknown)} that the model does not know, e.g. {column.shown('unknown')}; "
                    "to the model they are missing"
                )
            if column.outside and known:
                yield (
                    f"{name}: {_values(column.outside)} outside {_limit(known.low)} to {_limit(known.high)}, "
                    f"e.g. {column.shown('outside')}; below 0 counts as missing, above as the largest that training saw"
                )
            if column.missing and known and not known.missing:
                yield f"{name}: missing in {_rows(column.missing)}, and in training it never was"

    def far(self) -> str:
        """The distances that chance does not explain, the largest first, as the middle of a sentence; "" if none."""
        far = sorted(
            (found for found in self._distances.measured() if found.is_far), key=lambda d: -d.value / d.by_chance
        )
        shown = "; ".join(
            f"{found.column} ({found.kind} {found.value:.3f}, by chance below {found.by_chance:.3f})"
            for found in far[:_SHOWN]
        )
        rest = ", ".join(found.column for found in far[_SHOWN:])
        return f"{shown}; also {rest}" if rest else shown


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _values(count: int) -> str:
    return "1 value" if count == 1 else f"{count:,} values"


def _limit(value: float | None) -> str:
    return "any number" if value is None else f"{value:g}"
