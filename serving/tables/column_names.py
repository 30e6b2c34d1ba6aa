"""Finding the columns of a model in a header whose names may be written in another way."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from serving.tables.file_errors import FileError

IDENTIFIERS = ("customer", "customer_id", "ID")
"""The columns in which a customer's identifier may be, the first that is there."""
_SHOWN_NAMES = 12
_SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class MatchedColumns:
    """Where the wanted columns are.

    Attributes:
        index: The place of each column that was found, from 0, by its wanted name.
        respelled: The name in the file, by the wanted name, of the columns that are written in another way.
    """

    index: dict[str, int]
    respelled: dict[str, str]

    @property
    def notes(self) -> list[str]:
        """A sentence about the columns that are written in another way, if there are any."""
        pairs = ", ".join(f"{theirs!r} as {ours}" for ours, theirs in self.respelled.items())
        return [f"the header is written in another way: taken are {pairs}"] if pairs else []


def match_columns(header: Sequence[str], wanted: Iterable[str], name: str) -> MatchedColumns:
    """Find columns by name: exactly, else without regard to letter case and to what is neither letter nor digit.

    Args:
        header: The names in the file; white space around them does not count.
        wanted: The names to find.
        name: What messages call the file.

    Raises:
        FileError: Two columns of the file have the same wanted name.
    """
    trimmed = [column.strip() for column in header]
    plain = [_plain(column) for column in trimmed]
    index: dict[str, int] = {}
    respelled: dict[str, str] = {}
    for column in wanted:
        places = [place for place, given in enumerate(trimmed) if given == column]
        if not places:
            places = [place for place, given in enumerate(plain) if given == _plain(column)]
            if places:
                respelled[column] = trimmed[places[0]]
        if len(places) > 1:
            raise FileError(
                f"{name}: column {column!r} stands in the header {'twice' if len(places) == 2 else 'several times'}"
                f" (in columns {', '.join(str(place + 1) for place in places)}).",
                "Rename or drop one.",
            )
        if places:
            index[column] = places[0]
    return MatchedColumns(index, respelled)


def identifier_column(header: Sequence[str]) -> int | None:
    """The place of the column with the customers' identifiers; None when there is none, or it is there twice.

    Args:
        header: The names of the columns; they are matched as by `match_columns`.
    """
    with suppress(FileError):
        found = match_columns(header, IDENTIFIERS, "").index
        return next((found[name] for name in IDENTIFIERS if name in found), None)
    return None


def count_columns(header: Sequence[str], wanted: Iterable[str]) -> tuple[int, int]:
    """Return how many of the wanted columns `match_columns` would find, and how many of them by their very names."""
    trimmed = {column.strip() for column in header}
    plain = {*map(_plain, trimmed)}
    names = [*wanted]
    return sum(_plain(column) in plain for column in names), sum(column in trimmed for column in names)


def later_header(rows: Iterable[tuple[int, Sequence[str]]], wanted: Collection[str]) -> int | None:
    """Return the number of the first row that has at least half of the wanted columns, two or more, as names."""
    enough = max(2, (len(wanted) + 1) // 2)
    return next((number for number, row in rows if count_columns(row, wanted)[0] >= enough), None)


def quoted_names(header: Sequence[str]) -> str:
    """Return the names in a header for a message, as many as a reader takes in."""
    shown = ", ".join(repr(name[:_SHOWN_CHARACTERS]) for name in header[:_SHOWN_NAMES])
    return f"{shown} and {len(header) - _SHOWN_NAMES} more" if len(header) > _SHOWN_NAMES else shown


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))
