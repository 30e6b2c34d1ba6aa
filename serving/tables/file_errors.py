"""The errors of a file of customers: what is wrong with it as a whole, and with single rows."""

from __future__ import annotations


class FileError(Exception):
    """A file cannot be read or written.

    Attributes:
        what: The file and the fact.
        cure: What to change.
    """

    def __init__(self, what: str, cure: str = "") -> None:
        super().__init__(f"{what} {cure}".strip())
        self.what = what
        self.cure = cure


class RowsError(FileError):
    """Rows of a file cannot be used; the message lists the first of them.

    Attributes:
        count: The number of those rows.
    """

    def __init__(self, name: str, count: int, shown: list[str]) -> None:
        self.count = count
        more = f"\n  and {count - len(shown)} more" if count > len(shown) else ""
        rows = "1 row" if count == 1 else f"{count:,} rows"
        super().__init__(f"{name}: {rows} cannot be scored; nothing was written.\n  " + "\n  ".join(shown) + more)
