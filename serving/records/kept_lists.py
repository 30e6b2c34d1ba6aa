"""Lists that people keep on the page: the records of their files, and which of them have a customer."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from serving.records import parquet_rows
from serving.records.private_files import fsync_directory
from serving.tables.column_names import identifier_column
from serving.tables.missing_values import plain_identifier

KEPT = "kept.json"
"""What is in the directory of each kept list."""
_ID = re.compile(r"[0-9a-f]{32}")
_FACTS, _ROWS = "facts.json", "rows.csv"
_REMOVED = ".removed"


def kept_list_files(lists: Path) -> list[Path]:
    """The records of kept lists, `<lists>/<id>/<list id>.parquet`, for `parquet_rows.read_rows`.

    There is one for each list that was downloaded; so the rows of a file may be in several, under the names of several
    lists. A list that is not kept any more has none: its directory is gone.

    Args:
        lists: The directory of kept lists; it need not be there.
    """
    return sorted(path for place in kept_places(lists) for path in place.glob(f"*{parquet_rows.ENDING}"))


def kept_places(lists: Path) -> list[Path]:
    """The directories of kept lists."""
    found = lists.glob("*") if lists.is_dir() else ()
    return sorted(place for place in found if _ID.fullmatch(place.name) and (place / KEPT).is_file())


def customers_of(place: Path) -> Iterator[str | None]:
    """Yields the identifier of each row of a kept list; None for a row without one.

    Args:
        place: Its directory.

    Raises:
        OSError, ValueError, KeyError, TypeError, csv.Error: It cannot be read.
    """
    column = identifier_column([str(name) for name in json.loads((place / _FACTS).read_bytes())["header"]])
    with (place / _ROWS).open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            yield None if column is None else plain_identifier(row[column])


def remove(place: Path) -> None:
    """Removes a kept list: at once for whoever asks for it, and what a kill leaves by `remove_left_over`."""
    aside = place.with_name(f".{place.name}{_REMOVED}")
    place.rename(aside)
    fsync_directory(place.parent)
    shutil.rmtree(aside)


def remove_left_over(lists: Path) -> None:
    """Removes what a kill left of lists that were being removed."""
    for aside in lists.glob(f".*{_REMOVED}"):
        shutil.rmtree(aside)
