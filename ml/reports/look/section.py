"""A section of the page: a heading, what to know, and then tables and plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ml.reports.look.plot import Plot, Table


@dataclass(frozen=True)
class Section:
    """What a reader unfolds about one question.

    Attributes:
        name: A word for addresses, unique on the page.
        title: The heading.
        says: Sentences, a paragraph each.
        tables: Tables by their headings, which may be "".
        plots: Drawings, one below the other on a telephone and beside each other elsewhere.
        small: Whether the plots are small ones of a kind, three in a row.
    """

    name: str
    title: str
    says: Sequence[str] = ()
    tables: Sequence[tuple[str, Table]] = ()
    plots: Sequence[Plot] = ()
    small: bool = False
